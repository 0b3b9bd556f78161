/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_ask.h: a block is given, and its answer read.
 */
#ifndef PM_TORTURE_ASK_H
#define PM_TORTURE_ASK_H

#include "torture/play.h"

/* Puts the block of a task into the pipe, or on its way there. */
void	 torture_give(struct torture_play *, struct torture_proc *, struct task *);
/* The same for one that wants an answer, which is awaited then. */
void	 torture_ask(struct torture_play *, struct torture_proc *, struct task *);
/*
 * The next answer that one of n plays gets, or NULL when none waits for one.
 * Its task is gone then, r has its result, and actions are in play->reply.
 */
struct torture_play *torture_collect(struct torture_play **, size_t n, struct task_result *r);
/* Nothing more is asked: all that waits in line is dropped. */
void	 torture_give_up(struct torture_play *);

#endif
