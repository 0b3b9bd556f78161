/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_child.h: the daemon in a child of its own, for milter-send -x.
 */
#ifndef PM_SEND_CHILD_H
#define PM_SEND_CHILD_H

#include <signal.h>

#include "base/netaddr.h"

struct send_child {
	int			 pid;
	int			 running;
	int			 status;	/* as wait(2) has it, once it has ended */
	int			 verbose;	/* its log goes straight to stderr */
	/* Who gets the lines of its log in place of stderr; NULL. */
	void			(*log_line)(void *arg, int severity, const char *line);
	void			*log_arg;
	const sigset_t		*wait_mask;
	const volatile sig_atomic_t *stop;
	char			 dir[1024];
	char			 sock[1100];
	char			 log[1100];
};

/* The daemon's words: -e, each -o, and the command, which ends with NULL. */
struct send_child_args {
	const char	 *events;	/* NULL */
	char		**options;
	size_t		  noptions;
	char		**command;
};

/*
 * Starts it in a private directory and waits until it accepts. Returns a
 * connected descriptor that does not block and sets the address, or -1: then
 * it was said on stderr why.
 */
int	 send_child_start(struct send_child *, const struct send_child_args *, struct netaddr *);
/*
 * Ends it, shows the warnings of its log, or all of it if show is set or it
 * did not end well, and removes the directory. Returns 0, or -1 if it did not.
 */
int	 send_child_stop(struct send_child *, int show);

#endif
