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
#include "system/runtime.h"

/* conf, runtime and listen_fds are the supervisor's, which frees them. */
struct supervisor_opts {
	struct conf		*conf;
	struct runtime		*runtime;
	int			*listen_fds;	/* one for each of conf->listens, open */
	const char		*conf_path;	/* absolute: what a reload reads; NULL: SIGHUP is the end */
	int			 verbose;	/* the log has all, whatever log-level is */
	int			 ready_fd;	/* for daemon_ready(); -1: nobody waits */
	int			 control_fd;	/* the control socket; -1: none */
};

/* Runs until it is told to end. Returns the exit status of the program. */
int	 supervisor_run(const struct supervisor_opts *);

#endif
