/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/pool.h: the processes of one handler, and the queue of tasks that wait
 * for one.
 */
#ifndef PM_ENGINE_POOL_H
#define PM_ENGINE_POOL_H

#include "engine/loop.h"
#include "engine/ltimer.h"
#include "session/session.h"

struct pool {
	struct engine			*engine;
	const struct handler_conf	*conf;
	unsigned int			 index;		/* in conf.handlers, from 0 */
	struct numbers_handler		*numbers;	/* what this engine counts, and has, of it */
	struct numbers_load		*load;
	unsigned int			 min;		/* processes that this engine starts ahead */
	struct hproc_list		 procs;
	unsigned int			 nprocs;	/* processes that have not exited */
	struct hproc_list		 avail;		/* the processes that may be given a scope */
	struct task_list		 waiting;
	unsigned int			 nwaiting;	/* tasks in it */
	uint64_t			 full_next;	/* ms: no line before this that says it is full */
	struct ltimer			 timer;		/* queue-timeout, idle-timeout, back-off */
	unsigned int			 reclaim;	/* processes that other engines ask us to end */
	int				 retired;	/* no process stays idle */
	int				 limited;	/* all engines together have `processes' */
	uint64_t			 backoff;	/* ms before the next start; 0: none */
	uint64_t			 backoff_until;	/* ms: no start before this */
	uint64_t			 one_shot_said;	/* ms: the last warning; 0: none */
	/* the second that these lines of standard error belong to */
	uint64_t			 err_second;
	unsigned int			 err_lines, err_dropped;
};

void	 pool_init(struct pool *, struct engine *, unsigned int index);
/* The engine serves now: starts processes ahead, as configured. */
void	 pool_open(struct pool *);
/* Other engines take the place of this one: idle processes end, now and later. */
void	 pool_retire(struct pool *);
/* The engine drains and has no session any more: all processes end. */
void	 pool_close(struct pool *);
/*
 * For each handler: gives the session's first task to a process or to the
 * queue, unless that is done already; and so on with the next, while tasks end
 * at once.
 */
void	 pool_run_tasks(struct engine *, struct session *);
/* Nobody wants this task any more: it leaves its session. late: it has taken too long. */
void	 pool_abandon(struct engine *, struct task *, int late);
/* Memory is short: drops the reports of a session that no process has been given. */
void	 pool_shed(struct engine *, struct session *);
/*
 * A task has ended. Called once for each: the task leaves its session, and the
 * session, and through it the MTA, learns the result. A detached task is freed.
 */
void	 pool_task_done(struct pool *, struct task *, struct task_result *);
/* The same for a task that its process keeps, to recognize the late answer. */
void	 pool_task_late(struct pool *, struct task *, struct task_result *);
/* Puts a task into the queue; first: before all others. */
void	 pool_wait(struct pool *, struct task *, int first);
/* Gives tasks from the queue to processes, the oldest first, while there are any. */
void	 pool_serve(struct pool *);
/* The process that had this task never read it: another process gets it. */
void	 pool_resubmit(struct pool *, struct task *);
/* A scope has lost its process for another reason than its end. why: for the log. */
void	 pool_scope_failed(struct pool *, struct hstate *, const char *why);
/* A process was given a scope. */
void	 pool_took(struct pool *, struct hproc *);
/* A process may be given a scope now, or may no longer: serves the queue if it may. */
void	 pool_available(struct pool *, struct hproc *);
/* A process that was full has read: gives it the tasks that have waited for that. */
void	 pool_drained(struct pool *, struct hproc *);
/* A process has exited, or could not be started. early: it was of no use. */
void	 pool_process_gone(struct pool *, struct hproc *, int early);
/* The supervisor's messages about this handler (system/ipc_msg.h). */
void	 pool_limited(struct pool *);
void	 pool_freed(struct pool *);
void	 pool_reclaim(struct pool *);
void	 pool_stale(struct pool *);
/* 1 if one more line of standard error may be logged in this second. */
int	 pool_may_log(struct pool *, const char *ids);
/* Logs how many lines were left out, if any. ids: of the session that shows it. */
void	 pool_log_dropped(struct pool *, const char *ids);

#endif
