/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/supervisor.h: the role that forks: listening sockets, engine, handlers.
 */
#ifndef PM_SUPERVISOR_SUPERVISOR_H
#define PM_SUPERVISOR_SUPERVISOR_H

#include "store/board.h"
#include "config/conf.h"
#include "system/runtime.h"

struct supervisor_opts {
	const struct conf	*conf;
	const struct runtime	*runtime;
	int			*listen_fds;	/* one for each conf->listens, open */
	int			 ready_fd;	/* the launcher waits on it; -1: none */
	int			 sighup_ends;	/* ad hoc form */
};

/* Runs until it is told to end. Returns the exit status of the program. */
int	 supervisor_run(const struct supervisor_opts *);

#endif
