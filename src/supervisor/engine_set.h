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

#include "supervisor/generation.h"
#include "supervisor/requests.h"
#include "supervisor/supervisor.h"

/* ms that engines have to write the last answers before they are killed. */
#define ENGINE_ANSWER_MS	2000

struct engine_set {
	const struct supervisor_opts *opts;
	struct generation_list	 generations;	/* the oldest first */
	struct generation	*current;	/* what a new connection is served with; in the list */
	struct ledger		*ledger;
	struct pollfd		*pfds;		/* one for each engine, then those of the requests and of control */
	size_t			 max_pfds, nengines, npolled, ncontrol;
	struct requests		*requests;
	const sigset_t		*mask;		/* the signals that are blocked while we wait */
	uint64_t		 look_at;	/* ms: when to look at the turns of all next */
};

/* Makes the first generation of what the options have. */
void			 engine_set_init(struct engine_set *, const struct supervisor_opts *,
			    const sigset_t *mask);
/* No engine lives. */
void			 engine_set_free(struct engine_set *);
/*
 * Adds a generation, whose arguments are those of generation_new(), and starts its engines.
 * Sets *g in any case. Returns 0, or -1, logged: at least one did not start.
 */
int			 engine_set_add(struct engine_set *, struct conf *, struct runtime *,
			    int *listen_fds, struct generation **g);
/* Starts the engines of the first generation. Returns 0, or -1, logged: one did not start. */
int			 engine_set_start(struct engine_set *);
/* A new generation whose engines are ready serves from now on, with its limits. */
void			 engine_set_serve_with(struct engine_set *, struct generation *);
/* Its last engine has ended: its directories that no other has go, and it is freed. */
void			 engine_set_drop(struct engine_set *, struct generation *);
/* Puts what all generations but one (NULL: none) have into an array, which the caller frees. */
struct tenant		*engine_set_tenants(const struct engine_set *, const struct generation *,
			    size_t *n);
/* How many generations are in this state. */
unsigned int		 engine_set_count(const struct engine_set *, enum generation_state);
/* A process has been reaped that nobody else knows. */
void			 engine_set_reaped(struct engine_set *, pid_t);
/* Returns the engine with this pid, or NULL. */
struct engine_proc	*engine_set_by_pid(struct engine_set *, pid_t);
/* Returns the engine of this number, from 0, or NULL. */
const struct engine_proc *engine_set_by_number(const struct engine_set *, unsigned int);
/* The number of engines that live, of all generations. */
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
 * Does what is due; with may_restart it also starts engines of the current generation that are
 * gone. now: ms. Returns when to call again, or MONO_NEVER.
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
