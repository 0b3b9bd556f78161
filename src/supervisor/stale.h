/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/stale.h: whether the files that a handler's command names have changed
 * since a process was made of them. Who looks at them is another process
 * (system/starter.h): a file system of a user's own might never answer.
 */
#ifndef PM_SUPERVISOR_STALE_H
#define PM_SUPERVISOR_STALE_H

#include "config/conf.h"
#include "system/starter.h"

/* Nothing is remembered yet. h->command must live as long. */
struct stale	*stale_new(const struct handler_conf *);
void		 stale_free(struct stale *);
/*
 * No process of the handler was left, and one is being started. It tells of its
 * files by stale_remember(), or fails. A look at a file that comes before that is
 * no change: it is remembered.
 */
void		 stale_await(struct stale *);
/*
 * The file of this index is what the next process is made of. stale: a struct
 * stale. A look that has begun before says nothing any more.
 */
void		 stale_remember(void *stale, uint32_t index, const struct file_look *);
/* A look begins, at all of them. */
void		 stale_begin(struct stale *);
/*
 * What that look says of one. One that is missing is judged when it is there
 * again.
 */
void		 stale_compare(struct stale *, uint32_t index, const struct file_look *);
/* 1 if since stale_begin() one was another than was remembered; now it is remembered. */
int		 stale_changed(const struct stale *);
/* How many files these are: the length of the command. */
uint32_t	 stale_count(const struct stale *);
/* 1 if this handler's processes may live long enough for that to matter. */
int		 stale_matters(const struct handler_conf *);

#endif
