/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/ipc.h: sends and receives messages and descriptors over a
 * SOCK_SEQPACKET socket.
 */
#ifndef PM_SYSTEM_IPC_H
#define PM_SYSTEM_IPC_H

#include "system/ipc_msg.h"

/*
 * A close-on-exec, non-blocking pair. fds[0] is the supervisor's: if the kernel can
 * see to it no descriptors can be sent to it. Returns 0 or -1 with errno.
 */
int	 ipc_pair(int fds[2]);

/*
 * Sends one message, with nfds descriptors (which stay the caller's). Returns 1
 * sent, 0 not now (EAGAIN), -1 with errno; EPIPE: the other side is gone.
 */
int	 ipc_send(int fd, const struct ipc_msg *, const int *fds, int nfds);

/*
 * Receives one message into buf of IPC_MAX_MSG bytes; msg points into it. fds
 * has IPC_MAX_FDS entries, which get the descriptors that came, and -1; they
 * are close-on-exec, and the caller closes them. Returns 1 received, 0 nothing
 * there, -1 with errno (EPIPE: end of file; EBADMSG: not a message of ours, its
 * descriptors are closed). A descriptor that was lost, since this process can
 * have no more, is -1.
 */
int	 ipc_recv(int fd, void *buf, struct ipc_msg *, int *fds);
/*
 * The same for the supervisor, which wants no descriptors: a message that has
 * some is EBADMSG, and stays where it is.
 */
int	 ipc_recv_plain(int fd, void *buf, struct ipc_msg *);
/* Closes the supervisor's end, and never waits for what may be on its way there. */
void	 ipc_close(int fd);
/* Closes what came with a message and is not wanted; all IPC_MAX_FDS entries are -1 then. */
void	 ipc_close_fds(int *fds);

#endif
