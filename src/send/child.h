/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* send/child.h: the daemon as a child process, for milter-send -x. */
#ifndef PM_SEND_CHILD_H
#define PM_SEND_CHILD_H

#include <signal.h>

#include "base/netaddr.h"

struct send_child {
	int			 pid;
	int			 running;
	int			 status;	/* as from wait(2), once running is 0 */
	int			 verbose;	/* the log goes straight to stderr */
	/* Called for the lines of the log, which go to stderr if this is NULL. */
	void			(*log_line)(void *arg, int severity, const char *line);
	void			*log_arg;
	const sigset_t		*wait_mask;
	const volatile sig_atomic_t *stop;
	char			 dir[1024];
	char			 sock[1100];
	char			 log[1100];
};

/* The arguments of the daemon: -e, each -o, and the command, which ends with NULL. */
struct send_child_args {
	const char	 *events;	/* or NULL */
	char		**options;
	size_t		  noptions;
	char		**command;
};

/*
 * Starts the daemon in a private directory and waits until it accepts. Returns
 * a connected, non-blocking descriptor and sets the address, or returns -1
 * after telling on stderr why. Call send_child_stop() in both cases.
 */
int	 send_child_start(struct send_child *, const struct send_child_args *, struct netaddr *);
/*
 * Ends the daemon and removes its directory. Shows the warnings of its log, or
 * all of the log if show is set or the daemon did not end well. Returns 0, or
 * -1 if it did not end well.
 */
int	 send_child_stop(struct send_child *, int show);

#endif
