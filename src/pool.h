/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pool.h: the processes of one handler, and the queue for them.
 */
#ifndef PM_POOL_H
#define PM_POOL_H

#include "engine.h"
#include "task.h"

struct pool {
	struct engine			*engine;
	const struct handler_conf	*conf;
	unsigned int			 index;		/* into conf.handlers */
	unsigned int			 nprocs;	/* until they have exited */
	struct task_list		 waiting;
	struct event			 timer;		/* queue-timeout of the first that has one */
	/* standard error: lines of this second */
	uint64_t			 err_second;
	unsigned int			 err_lines, err_dropped;
};

void	 pool_init(struct pool *, struct engine *, unsigned int index);
/* Hands every first task of the session's lines that is not with its pool to it. */
void	 pool_run_lines(struct engine *, struct session *);
/* A task is not wanted any more; it leaves its line too. */
void	 pool_abandon(struct engine *, struct session *, struct task *);
/*
 * A task has ended: called once for each. The task leaves its line; its
 * session, and through it the MTA, learns the result.
 */
void	 pool_task_done(struct pool *, struct task *, struct task_result *);
/* A process has exited, or could not be started. */
void	 pool_process_gone(struct pool *);
/* 1 if one more line of standard error may be logged now. */
int	 pool_may_log(struct pool *, const char *ids);
/* Says how many lines were not, if any; ids: of the session that shows it. */
void	 pool_log_dropped(struct pool *, const char *ids);

#endif
