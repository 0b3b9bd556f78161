/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/supervisor.h: the process that forks: it holds the listening
 * sockets, starts engines and handlers, and replaces engines that die.
 */
#ifndef PM_SUPERVISOR_SUPERVISOR_H
#define PM_SUPERVISOR_SUPERVISOR_H

#include "config/conf.h"
#include "store/board.h"
#include "system/runtime.h"

struct supervisor_opts {
	const struct conf	*conf;
	const struct runtime	*runtime;
	int			*listen_fds;	/* one for each of conf->listens, open */
	int			 ready_fd;	/* for daemon_ready(); -1: nobody waits */
	int			 control_fd;	/* the control socket; -1: none */
	int			 sighup_ends;	/* SIGHUP ends it (started by a command line) */
};

/* Runs until it is told to end. Returns the exit status of the program. */
int	 supervisor_run(const struct supervisor_opts *);

#endif
