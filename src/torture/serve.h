/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/serve.h: which process serves a play, as the options scope, reuse and
 * max-uses say, and how processes end.
 */
#ifndef PM_TORTURE_SERVE_H
#define PM_TORTURE_SERVE_H

#include "torture/play.h"

#define TORTURE_GRACE_MS	5000	/* to exit; the daemon gives as much */
#define TORTURE_QUIET_MS	30	/* without output, after which none is expected */

/* Returns a process for this task. NULL: there is none, which was told. */
struct torture_proc *torture_serve(struct torture_play *, struct task *);
/* Ends the scope of the play. */
void	 torture_release(struct torture_play *);
/* Kills and frees the process of the play. */
void	 torture_drop(struct torture_play *);
/* Tells of output that answers nothing. */
void	 torture_stray(struct torture_proc *);

#endif
