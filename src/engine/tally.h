/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/tally.h: the numbers of a handler that its pool counts (store/numbers.h), and the
 * line in the log about an answer that was slow.
 */
#ifndef PM_ENGINE_TALLY_H
#define PM_ENGINE_TALLY_H

#include "engine/pool.h"

/* A task needs a process that is not there, or does not run yet: its wait begins, if it has not. */
void	 tally_wanted(struct task *);
/* A task is put into the queue. Each event counts once, however often that happens. */
void	 tally_waits(const struct pool *, struct task *);
/*
 * A task has ended so. Only the first call for a task counts. The failure of a process counts
 * only if somebody waits for the task.
 */
void	 tally_task(const struct pool *, struct task *, const struct task_result *);

#endif
