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
	pid_t		 pid;		/* and process group */
	int		 fds[3];	/* our ends of its stdin, stdout, stderr: close-on-exec,
					   non-blocking */
	int		 error;		/* errno of the step that failed */
	enum ipc_stage	 stage;
};

/*
 * Starts the handler's command, or its hook for an event, in a process group
 * of its own, with its user, limits, directory and umask, all signals at their
 * default, descriptors 0 to 2 and no other, on one CPU if cpu is not -1. env
 * is what ipc_msg carries (NULL with a length of 0: nothing), to which the
 * handler's fixed variables are added. Returns 0, or -1 with error and stage;
 * then there is no process. Blocks all signals for its own duration only; the
 * caller reaps. What is done with a signal must not change after the first call.
 */
int	 spawn(const struct handler_conf *, const char *tmpdir, enum event_kind, const char *env,
	    size_t env_len, int cpu, struct spawned *);

#endif
