/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/inherit.h: the listening sockets that a service manager hands over at the
 * start: those of a socket unit, and those that an earlier daemon left with it.
 */
#ifndef PM_STARTUP_INHERIT_H
#define PM_STARTUP_INHERIT_H

#include "base/netaddr.h"

/*
 * Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES (sd_listen_fds(3)) out of the
 * environment. Call it before anything opens a descriptor or reads the environment. Returns
 * the first descriptor, from 3 on, that the service manager has not handed over.
 */
int	 inherit_take(void);
/*
 * Returns a socket that listens at this address and is the caller's from now on, or -1. It
 * is close-on-exec and non-blocking.
 */
int	 inherit_claim(const struct netaddr *);
/* Closes what nobody has claimed, here and at the service manager, with warnings. */
void	 inherit_close_rest(void);
/*
 * Gives the service manager a copy of a socket that listens at this address, which it hands
 * over at the next start. Returns 1 if it was sent, else 0.
 */
int	 inherit_leave(int fd, const struct netaddr *);
/* The service manager forgets that copy, and its end of the socket is closed. */
void	 inherit_forget(const struct netaddr *);

#endif
