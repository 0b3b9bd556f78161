/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/mono.c: the clock of all deadlines.
 */
#include "base/compat.h"

#include <time.h>

#include "base/log.h"
#include "base/mono.h"

static struct timespec
look(void)
{
	struct timespec	 ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	return ts;
}

uint64_t
mono_ms(void)
{
	struct timespec	 ts = look();

	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t
mono_us(void)
{
	struct timespec	 ts = look();

	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t
slice(const struct mono_wait *w)
{
	return w->left < MONO_SLICE_MS ? w->left : MONO_SLICE_MS;
}

void
mono_wait_begin(struct mono_wait *w, uint64_t ms)
{
	w->left = ms;
	w->last = mono_ms();
}

int
mono_wait_slice(struct mono_wait *w)
{
	uint64_t	 now = mono_ms(), spent = now - w->last;

	w->left -= spent < slice(w) ? spent : slice(w);
	w->last = now;
	return (int)slice(w);
}
