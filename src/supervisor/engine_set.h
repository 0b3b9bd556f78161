/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_set.h: all engines as the supervisor sees them: started, served,
 * replaced when they die, each with its own delay.
 */
#ifndef PM_SUPERVISOR_ENGINE_SET_H
#define PM_SUPERVISOR_ENGINE_SET_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "supervisor/engine_proc.h"
#include "supervisor/requests.h"
#include "supervisor/supervisor.h"

struct engine_set {
	const struct supervisor_opts *opts;
	unsigned int		 n;
	struct engine_proc	*engines;
	struct pollfd		*pfds;		/* one for each */
	struct board		*board;
	struct requests		*requests;
	const sigset_t		*mask;		/* of signals, while we wait */
};

void			 engine_set_init(struct engine_set *, const struct supervisor_opts *,
			    const sigset_t *mask);
void			 engine_set_free(struct engine_set *);
/* The first start of all. Returns 0, or -1, logged: one at least is not there. */
int			 engine_set_start(struct engine_set *);
/* NULL if none of them has this pid. */
struct engine_proc	*engine_set_by_pid(struct engine_set *, pid_t);
int			 engine_set_all_ready(const struct engine_set *);
unsigned int		 engine_set_alive(const struct engine_set *);
/* Sends all engines a message that has no values. */
void			 engine_set_tell(struct engine_set *, enum ipc_type);
void			 engine_set_kill(struct engine_set *);
/* It has been reaped: its handlers get TERM, and KILL after grace; those of others stay. */
void			 engine_set_ended(struct engine_set *, struct engine_proc *);
/*
 * What is due is done, with may_restart also the start of those that are
 * missing. Returns when to call again, or MONO_NEVER.
 */
uint64_t		 engine_set_run_timers(struct engine_set *, uint64_t now,
			    int may_restart);
/*
 * Waits until an engine has something to say, a signal comes, or it is time.
 * Signals that wait come in here in any case, and only here.
 */
void			 engine_set_wait(struct engine_set *, uint64_t until);
/* Serves each of those that have something to say a bounded number of requests. */
void			 engine_set_serve(struct engine_set *, int may_spawn);

#endif
