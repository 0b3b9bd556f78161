/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/quota.h: `processes', which holds over all engines together: which of them
 * was refused a process, whose turn it is to let one go, and to be told that
 * there is room again. Pure: who asks does the counting and the sending.
 */
#ifndef PM_SUPERVISOR_QUOTA_H
#define PM_SUPERVISOR_QUOTA_H

#include <stdint.h>

struct quota;

struct quota	*quota_new(unsigned int nhandlers, unsigned int nengines);
void		 quota_free(struct quota *);
void		 quota_refused(struct quota *, uint32_t handler, unsigned int engine);
/*
 * The engine after the one that was named last for this handler, of those for
 * which has() says yes, but not this engine. -1: there is none.
 */
int		 quota_reclaim_from(struct quota *, uint32_t handler, unsigned int engine,
		    int (*has)(unsigned int engine, uint32_t handler, void *), void *arg);
/*
 * There is room for a process of that handler: returns the engine to tell,
 * which counts as refused no more, or -1. If it makes no use of it the others
 * must not wait for ever, so they have their turn at quota_next().
 */
int		 quota_freed(struct quota *, uint32_t handler, uint64_t now);
/* The engine is gone: it was refused nothing, and what it had is free. */
void		 quota_engine_gone(struct quota *, unsigned int engine, uint64_t now);
/*
 * A handler that may have room for engines that wait, whose time has come: to
 * be looked at, once. -1: none.
 */
int		 quota_due(struct quota *, uint64_t now);
/* When quota_due() has something next, or MONO_NEVER. */
uint64_t	 quota_next(const struct quota *);

#endif
