/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * child.h: the handler processes that run. A pid stands in the table from the
 * fork until the process has been reaped and no longer, so what is found here
 * may be signalled.
 */
#ifndef PM_CHILD_H
#define PM_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "compat.h"

#define CHILD_GRACE_MS	5000	/* from TERM to KILL */

struct child {
	TAILQ_ENTRY(child)	 entry;
	uint64_t		 id;		/* the engine's name for it */
	pid_t			 pid;		/* and process group */
	uint32_t		 handler;
	int			 orphan;	/* its engine is gone */
	uint64_t		 kill_at;	/* when the group gets KILL */
};

void		 child_add(uint64_t id, pid_t, uint32_t handler);
/* NULL if there is none. Orphans have no id any more. */
struct child	*child_by_id(uint64_t id);
struct child	*child_by_pid(pid_t);
void		 child_remove(struct child *);
size_t		 child_count(void);
size_t		 child_count_handler(uint32_t handler);	/* without orphans */
/* To the whole process group. */
void		 child_signal(const struct child *, int sig);
/* All of them are orphans now and get TERM; KILL follows, at once without grace. */
void		 child_end_all(uint64_t now, uint64_t grace);
/* KILL for those whose time is over. Returns when to call again, or MONO_NEVER. */
uint64_t	 child_run_timers(uint64_t now);

#endif
