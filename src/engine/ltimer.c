/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/ltimer.c: a timer that wakes up at an old time and sets itself again.
 */
#include "base/compat.h"

#include "base/mono.h"
#include "engine/ltimer.h"

static void
arm(struct ltimer *t, uint64_t now)
{
	uint64_t	 ms = t->due > now ? t->due - now : 0;
	struct timeval	 tv;

	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	t->armed = t->due;
	evtimer_add(&t->ev, &tv);
}

static void
on_wakeup(evutil_socket_t fd, short what, void *arg)
{
	struct ltimer	*t = arg;
	uint64_t	 now = mono_ms();

	(void)fd;
	(void)what;
	t->armed = 0;
	if (t->due == 0)
		return;
	if (t->due > now) {
		arm(t, now);
		return;
	}
	t->due = 0;
	t->fn(t->arg);
}

void
ltimer_init(struct ltimer *t, struct event_base *base, void (*fn)(void *), void *arg)
{
	t->due = t->armed = 0;
	t->fn = fn;
	t->arg = arg;
	evtimer_assign(&t->ev, base, on_wakeup, t);
}

void
ltimer_set(struct ltimer *t, uint64_t due)
{
	t->due = due;
	if (due != 0 && (t->armed == 0 || due < t->armed))
		arm(t, mono_ms());
}

uint64_t
ltimer_first(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return a < b ? a : b;
}

void
ltimer_stop(struct ltimer *t)
{
	evtimer_del(&t->ev);
	t->due = t->armed = 0;
}
