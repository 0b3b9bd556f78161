/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/stale.h: whether the files of a handler's command have changed since its
 * processes were started: the program, and each argument that is the absolute
 * path of a file.
 */
#ifndef PM_SUPERVISOR_STALE_H
#define PM_SUPERVISOR_STALE_H

#include "config/conf.h"

struct stale;

/* Nothing is remembered yet. The handler's command must live as long. */
struct stale	*stale_new(const struct handler_conf *);
void		 stale_free(struct stale *);
/* What is there now is what the next process is made of. */
void		 stale_remember(struct stale *);
/*
 * 1 if a file is another one than was remembered, or was changed; then the new
 * one is remembered. One that is missing is judged when it is there again.
 */
int		 stale_check(struct stale *);
/* 1 if this handler's processes may live long enough for that to matter. */
int		 stale_matters(const struct handler_conf *);

#endif
