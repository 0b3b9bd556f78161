/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/starts.h: the handler processes whose start is not over: nobody
 * knows yet whether their program was executed.
 */
#ifndef PM_SUPERVISOR_STARTS_H
#define PM_SUPERVISOR_STARTS_H

#include <poll.h>

#include "supervisor/child.h"

/*
 * A start is over: c->start is what it came to, and is closed and freed after
 * this, but for descriptors that were set to -1. runs: 1, or 0 with error and
 * stage.
 */
typedef void	 starts_over(void *arg, struct child *, int runs);

/* sp: of spawn_begin(), which belongs to the child from now on. */
void	 starts_add(struct child *, const struct spawned *sp, uint64_t now);
size_t	 starts_count(void);
/* What is to be polled: one for each of starts_count(). */
void	 starts_fill(struct pollfd *);
/* pfds: the n that were filled; no start was added or removed since then. */
void	 starts_serve(const struct pollfd *, size_t n, starts_over *, void *arg);
/* The child has ended, but is still in the table. Does nothing if its start is over. */
void	 starts_settle(struct child *, starts_over *, void *arg);
/* In an engine that was just forked: it must not hold the pipes of handlers open. */
void	 starts_forget(void);
/* Gives up those that take too long, as failed. Returns when to call again, or MONO_NEVER. */
uint64_t starts_run_timers(uint64_t now, starts_over *, void *arg);

#endif
