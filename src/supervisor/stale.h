/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/stale.h: tells whether the files of a handler's command have
 * changed since its processes were started: the program, and each argument that
 * is the absolute path of a file.
 */
#ifndef PM_SUPERVISOR_STALE_H
#define PM_SUPERVISOR_STALE_H

#include "config/conf.h"

struct stale;

/* Nothing is remembered yet. h->command must live as long. */
struct stale	*stale_new(const struct handler_conf *);
void		 stale_free(struct stale *);
/* Remembers the files as they are now: the next process is started from them. */
void		 stale_remember(struct stale *);
/*
 * Returns 1 if a file is not the one remembered, or was changed, and remembers
 * it as it is now. A missing file is looked at when it is back.
 */
int		 stale_check(struct stale *);
/* 1 if this handler's processes may live long enough for changes to matter. */
int		 stale_matters(const struct handler_conf *);

#endif
