/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* base/mono.h and supervisor/awake.h, on a machine that stands still at times */

#include "base/compat.h"

#include <time.h>

#include "base/mono.h"
#include "supervisor/awake.h"
#include "tap.h"

static time_t	 now = 1000000;	/* ms */

/* The clock of this program, in the place of the one of the system. */
int
clock_gettime(clockid_t id __unused, struct timespec *ts)
{
	ts->tv_sec = now / 1000;
	ts->tv_nsec = now % 1000 * 1000000;
	return 0;
}

/* How often a limit lets us wait, when each wait takes that many ms. */
static unsigned int
slices(uint64_t limit, unsigned int ms)
{
	struct mono_wait	 w;
	unsigned int		 n = 0;

	mono_wait_begin(&w, limit);
	while (mono_wait_slice(&w) > 0) {
		now += ms;
		n++;
	}
	return n;
}

static void
test_wait(void)
{
	struct mono_wait	 w;

	mono_wait_begin(&w, 10000);
	CHECK(mono_wait_slice(&w) == MONO_SLICE_MS, "a slice of a long wait");
	mono_wait_begin(&w, 300);
	CHECK(mono_wait_slice(&w) == 300, "the only slice of a short one");
	now += 100;
	CHECK(mono_wait_slice(&w) == 200, "what is left of it");
	now += 60000;
	CHECK(mono_wait_slice(&w) == 0, "it is over");
	CHECK(mono_wait_slice(&w) == 0, "and stays so");
	CHECK(slices(10000, MONO_SLICE_MS) == 20, "slices that take their time");
	CHECK(slices(10000, 5) == 2000, "short ones");
	CHECK(slices(10000, 11000) == 20, "a machine that stands still uses up one slice");
}

static void
turns(unsigned int n)
{
	while (n-- > 0) {
		awake_turn(0);
		now += 1000;
		awake_turn(1000);
		now += 10;
	}
}

static void
test_awake(void)
{
	uint64_t	 began;

	awake_turn(0);
	CHECK(awake_ms() == mono_ms(), "the clock of the supervisor begins as that of the kernel");
	began = awake_ms();
	turns(100);
	CHECK(awake_ms() == began + 101000, "goes as that does");
	awake_turn(0);
	began = awake_ms();
	now += 11000;
	awake_turn(1000);
	CHECK(awake_ms() == began + 1000, "but not while the machine stands still");
	now += 11000;
	awake_turn(0);
	CHECK(awake_ms() == began + 1000, "be that during a wait or not");
	awake_turn(0);
	now += 60000;
	awake_turn(60000);
	CHECK(awake_ms() == began + 61000, "a long wait that was meant is none of these");
	turns(100);
	CHECK(awake_ms() == began + 61000 + 101000, "and then it goes on");
}

int
main(void)
{
	test_wait();
	test_awake();
	return tap_done();
}
