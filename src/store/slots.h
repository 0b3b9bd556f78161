/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/slots.h: what an engine shows of its handler processes, for pipemilterctl(8). Each
 * process has a place in memory that its engine alone writes, by plain stores, and the
 * supervisor reads, also when the engine hangs. Nothing is locked: who reads in the middle of
 * a change sees half of it.
 */
#ifndef PM_STORE_SLOTS_H
#define PM_STORE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define SLOTS_IDS	88	/* bytes of "SESSION QUEUE-ID" with its NUL */

struct slots_process {
	uint64_t	 id;
	uint64_t	 since;		/* ms of mono_ms(): it does what it does since then */
	uint32_t	 state;		/* enum numbers_process */
	uint32_t	 event;		/* enum event_kind: what it is asked; EV_COUNT: nothing */
	uint32_t	 uses;		/* scopes that it was ever given */
	char		 ids[SLOTS_IDS];	/* of the session, or "" */
};

struct slots;

/* For one engine with at most n processes. */
struct slots	*slots_new(size_t n);
void		 slots_free(struct slots *);
/* This process is another engine: it unmaps the memory. */
void		 slots_leave(struct slots *);
/*
 * For the engine: returns the id of a new process, which no other ever had, and sets *at to
 * its place, whose number is part of the id. Without a place left that is one that nobody reads.
 */
uint64_t	 slots_take(struct slots *, struct slots_process **at);
/* The process is gone; another may have the place. */
void		 slots_drop(struct slots *, uint64_t id);
/*
 * For the supervisor: what the engine shows of a process. Returns 0 if it shows nothing of
 * it. The text has an end; none of the numbers need be possible.
 */
int		 slots_read(const struct slots *, uint64_t id, struct slots_process *);

#endif
