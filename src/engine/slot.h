/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/slot.h: the life of one handler process as a table of states and
 * events. Pure: the time is an argument, and what to do is the result. It knows
 * no tasks and no time for an answer: engine/hproc.h does.
 */
#ifndef PM_ENGINE_SLOT_H
#define PM_ENGINE_SLOT_H

#include <stdint.h>

enum slot_state {
	SLOT_STARTING,	/* the supervisor was asked to start it */
	SLOT_DOOMED,	/* the same, but nobody wants it any more */
	SLOT_LIVE,	/* it runs and may be given tasks */
	SLOT_ENDING,	/* its standard input is closed: it should exit */
	SLOT_TERMED,	/* its process group got TERM */
	SLOT_KILLED,	/* its process group got KILL */
	SLOT_GONE,	/* it is to be freed */
	SLOT_STATES
};

enum slot_event {
	SLOT_STARTED,
	SLOT_NOT_STARTED,
	SLOT_FINISHED,	/* it has done all its tasks and gets no more */
	SLOT_FAILED,	/* it broke a rule, or nobody waits for it any more */
	SLOT_DEADLINE,
	SLOT_EXITED,
	SLOT_EVENTS
};

/* What to do: bits of the result of slot_event(). */
#define SLOT_DO_TERM	0x1	/* TERM to its group */
#define SLOT_DO_KILL	0x2	/* KILL to its group */

#define SLOT_GRACE	5000	/* ms from the end of its work to TERM, and from TERM to KILL */

struct slot {
	enum slot_state	 state;
	uint64_t	 deadline;	/* ms, on the clock of `now'; 0: none */
	uint32_t	 grace;		/* ms that it has to exit after SLOT_FINISHED */
};

void		 slot_init(struct slot *);
/* 0: the event can't happen in the present state. */
int		 slot_expects(const struct slot *, enum slot_event);
/*
 * Returns SLOT_DO_ bits. now: ms. An event that can't happen in the present state
 * changes nothing, and 0 is returned.
 */
unsigned int	 slot_event(struct slot *, enum slot_event, uint64_t now);

#endif
