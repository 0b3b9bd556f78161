/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/ipc.h: messages and descriptors over a SOCK_SEQPACKET socket.
 */
#ifndef PM_SYSTEM_IPC_H
#define PM_SYSTEM_IPC_H

#include "system/ipc_msg.h"

/* A close-on-exec, non-blocking pair. Returns 0 or -1 with errno. */
int	 ipc_pair(int fds[2]);

/*
 * Sends one message, with nfds descriptors (which stay the caller's). Returns
 * 1 sent, 0 not now (EAGAIN), -1 with errno; EPIPE: the other side is gone.
 */
int	 ipc_send(int fd, const struct ipc_msg *, const int *fds, int nfds);

/*
 * Receives one message into buf of IPC_MAX_MSG bytes, to which msg then
 * points. fds has IPC_MAX_FDS entries, filled with what came and -1, all
 * close-on-exec, the caller's to close. Returns 1 received, 0 nothing there,
 * -1 with errno (EPIPE: end of file; EBADMSG: not a message of ours, its
 * descriptors closed). Descriptors lost for want of room show as -1.
 */
int	 ipc_recv(int fd, void *buf, struct ipc_msg *, int *fds);
/* Closes what came with a message and is not wanted; all IPC_MAX_FDS entries are -1 then. */
void	 ipc_close_fds(int *fds);

#endif
