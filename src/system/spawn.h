/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/spawn.h: starts one handler process.
 */
#ifndef PM_SYSTEM_SPAWN_H
#define PM_SYSTEM_SPAWN_H

#include "config/conf.h"
#include "system/ipc_msg.h"

struct spawned {
	pid_t		 pid;		/* and the number of its process group */
	int		 fds[3];	/* our ends of the pipes: close-on-exec, non-blocking */
	int		 error;		/* errno of the step that failed */
	enum ipc_stage	 stage;
};

/*
 * Starts the handler's command, or its hook for an event, in a process group of
 * its own, with its user, limits, directory and umask, all signals at their
 * default, descriptors 0 to 2 and no other, on one CPU if cpu is not -1. env is
 * what system/ipc_msg.h carries (NULL with a length of 0: nothing); the
 * handler's fixed variables are added, with TMPDIR unless tmpdir is NULL.
 * Returns 0, or -1 with error and stage: then there is no process. Blocks all
 * signals while it runs; the caller reaps the process. After the first call the
 * handling of no signal may change.
 */
int	 spawn(const struct handler_conf *, const char *tmpdir, enum event_kind, const char *env,
	    size_t env_len, int cpu, struct spawned *);

#endif
