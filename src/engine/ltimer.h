/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/ltimer.h: a lazy timer, for deadlines that are moved or dropped nearly
 * always before they come. Moving one to a later time costs no system call: the
 * timer wakes up at the old time, and sets itself again.
 */
#ifndef PM_ENGINE_LTIMER_H
#define PM_ENGINE_LTIMER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

struct ltimer {
	struct event	 ev;
	uint64_t	 due;		/* ms of mono_ms(); 0: none */
	uint64_t	 armed;		/* ms: when libevent calls; 0: it does not */
	void		(*fn)(void *);
	void		*arg;
};

/* fn is called once for each due time that was set and not changed before it came. */
void	 ltimer_init(struct ltimer *, struct event_base *, void (*fn)(void *), void *arg);
void	 ltimer_set(struct ltimer *, uint64_t due);
/* The earlier of two deadlines, of which 0 is none. */
uint64_t ltimer_first(uint64_t, uint64_t);
/* Call it before the memory of the timer is freed. */
void	 ltimer_stop(struct ltimer *);

#endif
