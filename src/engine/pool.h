/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/pool.h: the processes of one handler, and the queue for them.
 */
#ifndef PM_ENGINE_POOL_H
#define PM_ENGINE_POOL_H

#include "engine/loop.h"
#include "engine/ltimer.h"
#include "session/session.h"

struct pool {
	struct engine			*engine;
	const struct handler_conf	*conf;
	unsigned int			 index;		/* into conf.handlers */
	unsigned int			 min;		/* processes that this engine starts ahead */
	struct hproc_list		 procs;
	unsigned int			 nprocs;	/* until they have exited */
	struct hproc_list		 avail;		/* those that may be given a scope */
	struct task_list		 waiting;
	struct ltimer			 timer;		/* queue-timeout, idle-timeout, back-off */
	unsigned int			 reclaim;	/* processes that other engines ask for */
	int				 limited;	/* all engines together have `processes' */
	uint64_t			 backoff;	/* ms; 0: none */
	uint64_t			 backoff_until;	/* ms */
	uint64_t			 one_shot_said;	/* ms: it was warned of; 0: never */
	/* standard error: lines of this second */
	uint64_t			 err_second;
	unsigned int			 err_lines, err_dropped;
};

void	 pool_init(struct pool *, struct engine *, unsigned int index);
/* The engine serves: starts what is to be started ahead. */
void	 pool_open(struct pool *);
/* The engine drains and has no session any more: all processes end. */
void	 pool_close(struct pool *);
/* Hands every first task of the session's lines that is not with its pool to it. */
void	 pool_run_lines(struct engine *, struct session *);
/* A task is not wanted any more; it leaves its line too. late: it took too long. */
void	 pool_abandon(struct engine *, struct task *, int late);
/*
 * A task has ended: called once for each. The task leaves its line; its
 * session, and through it the MTA, learns the result. Detached ones are freed.
 */
void	 pool_task_done(struct pool *, struct task *, struct task_result *);
/* The same for one that its process keeps, to know the answer that may still come. */
void	 pool_task_late(struct pool *, struct task *, struct task_result *);
/* It waits for a process; first: before all others. */
void	 pool_wait(struct pool *, struct task *, int first);
/* Gives those that wait to processes, as far as there are any: the oldest first. */
void	 pool_serve(struct pool *);
/* A process that had it never saw it: another one gets it. */
void	 pool_resubmit(struct pool *, struct task *);
/* A scope has lost its process for a reason that is not its own end. */
void	 pool_scope_failed(struct pool *, struct hstate *, const char *why);
/* A process has been given a scope. */
void	 pool_took(struct pool *, struct hproc *);
/* A process may be given a scope, or may no longer: whoever waits is served. */
void	 pool_available(struct pool *, struct hproc *);
/* A process that was full is not any more. */
void	 pool_drained(struct pool *, struct hproc *);
/* A process has exited, or could not be started; early: it was of no use. */
void	 pool_process_gone(struct pool *, struct hproc *, int early);
/* Messages of the supervisor. */
void	 pool_limited(struct pool *);
void	 pool_freed(struct pool *);
void	 pool_reclaim(struct pool *);
void	 pool_stale(struct pool *);
/* 1 if one more line of standard error may be logged now. */
int	 pool_may_log(struct pool *, const char *ids);
/* Says how many lines were not, if any; ids: of the session that shows it. */
void	 pool_log_dropped(struct pool *, const char *ids);

#endif
