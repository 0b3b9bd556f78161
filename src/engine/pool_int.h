/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/pool_int.h: what the files of the pool share among themselves.
 */
#ifndef PM_ENGINE_POOL_INT_H
#define PM_ENGINE_POOL_INT_H

#include "engine/pool.h"

/* engine/pool.c: out of the queue, into its line again. */
void	 pool_dequeue(struct pool *, struct task *);
/* 1 if one more process may be started now. */
int	 pool_may_start(const struct pool *);
/*
 * The files of a task that is to be given to a process are written. Returns 0
 * if they could not be: then it has failed, and is gone.
 */
int	 pool_write_files(struct pool *, struct task *);
/*
 * Gives a task that begins a scope to a process that is available, else to a
 * new one. Returns 1 if the task is done with it and gone.
 */
int	 pool_find_process(struct pool *, struct task *);

/* engine/pool_line.c: the lines of a session have moved: more may be read for it, or it is over. */
void	 pool_session_moved(struct pool *, struct session *);

#endif
