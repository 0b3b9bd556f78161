/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* torture/ask.h: gives a block to the handler and reads the answer. */
#ifndef PM_TORTURE_ASK_H
#define PM_TORTURE_ASK_H

#include "torture/play.h"

/* Gives the block of a task to the process. */
void	 torture_give(struct torture_play *, struct torture_proc *, struct task *);
/* The same for a task that wants an answer; the play waits for it. */
void	 torture_ask(struct torture_play *, struct torture_proc *, struct task *);
/*
 * Returns the play, one of n, that gets the next answer, or NULL when no play
 * waits for one. The task of the play is freed, *r is its result, and
 * play->reply has the actions.
 */
struct torture_play *torture_collect(struct torture_play **, size_t n, struct task_result *r);
/* Asks nothing more in this play: drops all waiting tasks. */
void	 torture_give_up(struct torture_play *);

#endif
