/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/slot.h: the life of one handler process as a table of state and event.
 * Pure: time is an argument, what is to be done is the result. What it was
 * asked, and until when it has to answer, is kept elsewhere.
 */
#ifndef PM_ENGINE_SLOT_H
#define PM_ENGINE_SLOT_H

#include <stdint.h>

enum slot_state {
	SLOT_STARTING,	/* the supervisor was asked for it */
	SLOT_DOOMED,	/* the same, but nobody wants it any more */
	SLOT_LIVE,	/* it runs, and may be asked */
	SLOT_ENDING,	/* its standard input is closed: it is to exit */
	SLOT_TERMED,	/* its group got TERM */
	SLOT_KILLED,	/* its group got KILL */
	SLOT_GONE,	/* free it */
	SLOT_STATES
};

enum slot_event {
	SLOT_STARTED,
	SLOT_NOT_STARTED,
	SLOT_FINISHED,	/* it has done all it was asked, and gets nothing new */
	SLOT_FAILED,	/* it broke a rule, or nobody waits for it any more */
	SLOT_DEADLINE,
	SLOT_EXITED,
	SLOT_EVENTS
};

/* What to do, as bits. */
#define SLOT_DO_TERM	0x1	/* TERM to its group */
#define SLOT_DO_KILL	0x2	/* KILL to its group */

#define SLOT_GRACE	5000	/* ms from the end of its work to TERM, from TERM to KILL */

struct slot {
	enum slot_state	 state;
	uint64_t	 deadline;	/* ms of the clock of now; 0: none */
	uint32_t	 grace;		/* ms to exit once it has finished */
};

void		 slot_init(struct slot *);
/* An event that can't happen in this state ends the process through fatalx(). */
unsigned int	 slot_event(struct slot *, enum slot_event, uint64_t now);

#endif
