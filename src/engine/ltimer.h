/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/ltimer.h: a timer for deadlines that nearly always are moved or dropped
 * before they come: that costs nothing. It wakes up at the old time and sees.
 */
#ifndef PM_ENGINE_LTIMER_H
#define PM_ENGINE_LTIMER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

struct ltimer {
	struct event	 ev;
	uint64_t	 due;		/* ms of mono_ms(); 0: none */
	uint64_t	 armed;		/* when it wakes up; 0: it does not */
	void		(*fn)(void *);
	void		*arg;
};

/* fn is called once for each due that is set and not changed before. */
void	 ltimer_init(struct ltimer *, struct event_base *, void (*fn)(void *), void *arg);
void	 ltimer_set(struct ltimer *, uint64_t due);
/* The earlier of two deadlines, of which 0 is none. */
uint64_t ltimer_first(uint64_t, uint64_t);
/* Before its memory is freed. */
void	 ltimer_stop(struct ltimer *);

#endif
