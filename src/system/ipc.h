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
 * Makes two connected sockets, close-on-exec and non-blocking. Returns 0, or -1
 * with errno.
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
 * Closes descriptors that came with a message and are not wanted; sets all
 * IPC_MAX_FDS entries to -1.
 */
void	 ipc_close_fds(int *fds);

#endif
