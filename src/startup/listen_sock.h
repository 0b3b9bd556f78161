/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/listen_sock.h: the sockets that MTAs connect to.
 */
#ifndef PM_STARTUP_LISTEN_SOCK_H
#define PM_STARTUP_LISTEN_SOCK_H

#include "config/conf.h"

/*
 * Opens one socket for each of conf->listens: listening, close-on-exec and
 * non-blocking. A socket that a service manager has handed over for a listener is taken
 * instead, and other sockets from there are closed. Returns an array, which the caller
 * frees, or NULL: the errors are logged, and nothing is left.
 */
int	*listen_sock_open(const struct conf *);
/*
 * Leaves a copy of each with the service manager, if there is one that keeps sockets. Then
 * their files stay at the end.
 */
void	 listen_sock_leave(const struct conf *, const int *fds);
/* Closes them, sets them to -1, and removes the files that were made for them. */
void	 listen_sock_end(const struct conf *, int *fds);
/* The same, and the service manager forgets its copies: nobody can connect any more. */
void	 listen_sock_drain(const struct conf *, int *fds);

/*
 * Sockets for a configuration that is to take the place of old, whose sockets are old_fds: where
 * the address is the same that socket, and else one that is opened. Returns an array for
 * listen_sock_undo() or listen_sock_switch(), or NULL: the errors are logged, and nothing is
 * left.
 */
int	*listen_sock_renew(const struct conf *, const struct conf *old, const int *old_fds);
/* Closes those that were opened, removes their files, and frees the array. */
void	 listen_sock_undo(const struct conf *, int *fds, const struct conf *old,
	    const int *old_fds);
/*
 * Sets owner, group and mode of those that are kept; closes those of old_fds that are not, and
 * sets them to -1. The service manager learns of both.
 */
void	 listen_sock_switch(const struct conf *, const int *fds, const struct conf *old,
	    int *old_fds);

#endif
