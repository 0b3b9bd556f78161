/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/quota.h: shares `processes' between engines, since that limit
 * holds for all of them together: which engines were refused a process, which
 * one has to end one for another, and which one is told that there is room
 * again. Pure: the caller counts processes and sends messages.
 *
 * Handlers and engines are counted from 0.
 */
#ifndef PM_SUPERVISOR_QUOTA_H
#define PM_SUPERVISOR_QUOTA_H

#include <stdint.h>

struct quota;

struct quota	*quota_new(unsigned int nhandlers, unsigned int nengines);
void		 quota_free(struct quota *);
/* There are so many handlers from now on, if that is more than before. */
void		 quota_grow(struct quota *, unsigned int nhandlers);
void		 quota_refused(struct quota *, uint32_t handler, unsigned int engine);
/*
 * Names an engine that has to end a process: the next after the one named last
 * for this handler, for which has() returns 1, and not `engine' itself. -1:
 * none.
 */
int		 quota_reclaim_from(struct quota *, uint32_t handler, unsigned int engine,
		    int (*has)(unsigned int engine, uint32_t handler, void *), void *arg);
/*
 * There is room for a process of this handler. Returns the engine to be told,
 * which then no longer counts as refused, or -1. If that engine does not use
 * the room, the others have their turn at quota_next(), so that they do not
 * wait forever. now: ms.
 */
int		 quota_freed(struct quota *, uint32_t handler, uint64_t now);
/* The engine is gone: it waits for nothing, and its processes have made room. */
void		 quota_engine_gone(struct quota *, unsigned int engine, uint64_t now);
/* There may be more room for every handler than before. */
void		 quota_all_due(struct quota *, uint64_t now);
/*
 * Returns a handler that may have room for engines that wait, and whose time
 * has come, once; -1: none. now: ms.
 */
int		 quota_due(struct quota *, uint64_t now);
/* When to call quota_due() again, in ms, or MONO_NEVER. */
uint64_t	 quota_next(const struct quota *);

#endif
