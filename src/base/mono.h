/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/mono.h: the clock of all deadlines, and limits that a machine which stands still does
 * not use up.
 */
#ifndef PM_BASE_MONO_H
#define PM_BASE_MONO_H

#include <stdint.h>

#define MONO_NEVER	UINT64_MAX	/* as a deadline */

/* Milliseconds on a clock that nobody sets (CLOCK_MONOTONIC). */
uint64_t	 mono_ms(void);
/* The same clock in microseconds. */
uint64_t	 mono_us(void);

/*
 * A time limit for somebody else, who may not have been able to do anything while it ran:
 * the whole machine stands still at times. It is spent in slices, and one that took longer
 * counts as one slice.
 */
struct mono_wait {
	uint64_t	 left;	/* ms */
	uint64_t	 last;	/* when a slice began */
};

#define MONO_SLICE_MS	500

/* The limit begins to run now. */
void		 mono_wait_begin(struct mono_wait *, uint64_t ms);
/* Ends a slice. Returns how long the next one may be, as poll(2) takes it; 0: time is over. */
int		 mono_wait_slice(struct mono_wait *);

#endif
