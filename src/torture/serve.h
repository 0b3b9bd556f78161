/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_serve.h: which process serves a play, as the options scope,
 * reuse and max-uses say; and how processes end.
 */
#ifndef PM_TORTURE_SERVE_H
#define PM_TORTURE_SERVE_H

#include "torture/play.h"

#define TORTURE_GRACE_MS	5000	/* to exit, as the daemon gives it */
#define TORTURE_QUIET_MS	30	/* in which nothing more is said */

/* A process for this task; NULL: there is none, which was told. */
struct torture_proc *torture_serve(struct torture_play *, struct task *);
/* The scope is over. */
void	 torture_release(struct torture_play *);
/* The process is of no use any more, to anybody. */
void	 torture_drop(struct torture_play *);
/* What it wrote where nothing was asked is told. */
void	 torture_stray(struct torture_proc *);

#endif
