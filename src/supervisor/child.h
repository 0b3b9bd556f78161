/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/child.h: the handler processes that run. A pid stands in the table from the
 * fork until the process has been reaped and no longer, so what is found here
 * may be signalled.
 */
#ifndef PM_SUPERVISOR_CHILD_H
#define PM_SUPERVISOR_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"

#define CHILD_GRACE_MS	5000	/* from TERM to KILL */

struct child {
	TAILQ_ENTRY(child)	 entry;
	unsigned int		 engine;	/* that it is for */
	uint64_t		 id;		/* the engine's name for it */
	pid_t			 pid;		/* and process group */
	uint32_t		 handler;
	int			 orphan;	/* its engine is gone */
	uint64_t		 kill_at;	/* when the group gets KILL */
};

void		 child_add(unsigned int engine, uint64_t id, pid_t, uint32_t handler);
/* NULL if there is none. An id means something within its engine; orphans have none. */
struct child	*child_by_id(unsigned int engine, uint64_t id);
struct child	*child_by_pid(pid_t);
void		 child_remove(struct child *);
size_t		 child_count(void);
/* Of all engines together, and of one of them; without orphans. */
size_t		 child_count_handler(uint32_t handler);
size_t		 child_count_handler_of(unsigned int engine, uint32_t handler);
/* To the whole process group. */
void		 child_signal(const struct child *, int sig);
/*
 * All of them, or those of one engine, are orphans now and get TERM; KILL
 * follows, at once without grace.
 */
void		 child_end_all(uint64_t now, uint64_t grace);
void		 child_end_engine(unsigned int engine, uint64_t now, uint64_t grace);
/* KILL for those whose time is over. Returns when to call again, or MONO_NEVER. */
uint64_t	 child_run_timers(uint64_t now);

#endif
