/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_set.h: all engines: starts them, serves them, and replaces
 * those that die, each with its own delay.
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
	struct pollfd		*pfds;		/* one for each, then those of the requests and of control */
	size_t			 max_pfds, npolled, ncontrol;
	struct board		*board;
	struct requests		*requests;
	const sigset_t		*mask;		/* the signals that are blocked while we wait */
	uint64_t		 look_at;	/* ms: when to look at the turns of all next */
};

void			 engine_set_init(struct engine_set *, const struct supervisor_opts *,
			    const sigset_t *mask);
void			 engine_set_free(struct engine_set *);
/* Starts all for the first time. Returns 0, or -1, logged: at least one did not start. */
int			 engine_set_start(struct engine_set *);
/* Returns the engine with this pid, or NULL. */
struct engine_proc	*engine_set_by_pid(struct engine_set *, pid_t);
int			 engine_set_all_ready(const struct engine_set *);
unsigned int		 engine_set_alive(const struct engine_set *);
/* Sends all engines a message that has no values. */
void			 engine_set_tell(struct engine_set *, enum ipc_type);
/* Sends those that serve a message with a copy of the descriptor; -1: none. */
void			 engine_set_tell_ready(struct engine_set *, const struct ipc_msg *, int fd);
void			 engine_set_kill(struct engine_set *);
/*
 * The engine was reaped: its handlers get TERM, and KILL CHILD_GRACE_MS later.
 * Handlers of other engines stay.
 */
void			 engine_set_ended(struct engine_set *, struct engine_proc *);
/*
 * Does what is due; with may_restart it also starts engines that are gone. now:
 * ms. Returns when to call again, or MONO_NEVER.
 */
uint64_t		 engine_set_run_timers(struct engine_set *, uint64_t now,
			    int may_restart);
/*
 * Waits until an engine has something to say, a signal comes, or the time (ms)
 * has come. Waiting signals are let in here in any case, and nowhere else.
 */
void			 engine_set_wait(struct engine_set *, uint64_t until);
/* Serves each engine that has something to say, up to a fixed number of requests. */
void			 engine_set_serve(struct engine_set *, int may_spawn);
/* Serves the clients of the control socket. */
void			 engine_set_serve_control(const struct engine_set *);

#endif
