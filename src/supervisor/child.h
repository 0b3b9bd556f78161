/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/child.h: the table of handler processes. A pid is in it from the
 * fork until the process was reaped, and no longer: so a pid from the table may
 * be signalled.
 */
#ifndef PM_SUPERVISOR_CHILD_H
#define PM_SUPERVISOR_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"
#include "system/spawn.h"

#define CHILD_GRACE_MS	5000	/* from TERM to KILL */
#define CHILD_DEAD_MS	5000	/* from KILL to the end, else something holds it in the kernel */

struct stale;

struct child {
	TAILQ_ENTRY(child)	 entry;
	unsigned int		 engine;	/* number of its engine, from 0 */
	uint64_t		 id;		/* the engine's name for the process */
	pid_t			 pid;		/* and the number of its process group */
	uint32_t		 handler;	/* its number in supervisor/ledger.h */
	uint64_t		 generation;	/* of its engine */
	int			 guarded;	/* its place in supervisor/guard.h, or -1 */
	int			 ran;		/* its program was started */
	int			 orphan;	/* its engine is gone, or not interested any more */
	int			 stuck;		/* its start took too long: it counts nevertheless */
	int			 given_up;	/* KILL did not end it: nothing waits for it */
	uint64_t		 orphan_since;	/* ms */
	uint64_t		 kill_at;	/* when the group gets KILL */
	uint64_t		 dead_by;	/* when it must have ended after that */
	/* While its start is not over, else NULL (supervisor/starts.h) */
	TAILQ_ENTRY(child)	 starting;
	struct spawned		*start;
	uint64_t		 start_by;
	struct stale		*files;		/* that are looked at in that moment, or NULL */
};

struct child	*child_add(unsigned int engine, uint64_t id, pid_t, uint32_t handler);
/* NULL if there is none. An id means something within its engine; orphans have none. */
struct child	*child_by_id(unsigned int engine, uint64_t id);
struct child	*child_by_pid(pid_t);
void		 child_remove(struct child *);
/* The number of children that the supervisor waits for at its end. */
size_t		 child_count(void);
/* The children of all engines, and of one; orphans do not count, stuck children do. */
size_t		 child_count_handler(uint32_t handler);
size_t		 child_count_handler_of(unsigned int engine, uint32_t handler);
/* Calls with each child of a handler, the oldest first, orphans included. */
void		 child_each(uint32_t handler, void (*)(const struct child *, void *arg), void *arg);
/* The same of one generation. */
size_t		 child_count_handler_in(uint64_t generation, uint32_t handler);
/* 1 if there is a child of the handler, orphans included. */
int		 child_has_any(uint32_t handler);
/* These files are not looked at any more. */
void		 child_forget_files(const struct stale *);
/* Sends a signal to the whole process group. */
void		 child_signal(const struct child *, int sig);
/*
 * Makes orphans of all processes, or of those of one engine, and sends TERM.
 * KILL follows after grace ms; with 0 it comes at once and there is no TERM.
 * now: ms.
 */
void		 child_end_all(uint64_t now, uint64_t grace);
void		 child_end_engine(unsigned int engine, uint64_t now, uint64_t grace);
/* Nobody is told of its end any more; the group gets KILL. */
void		 child_drop(struct child *, uint64_t now);
/* KILL for those whose time is over. Returns when to call again, or MONO_NEVER. */
uint64_t	 child_run_timers(uint64_t now);

#endif
