/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* engine/slot.h: the lives that a handler process may have. */

#include "base/compat.h"

#include "engine/slot.h"
#include "tap.h"

#define NOW	1000u

/* Plays events until a -1, each a second after the other; gives the last result. */
static unsigned int
play(struct slot *s, const int *events)
{
	unsigned int	 todo = 0;
	uint64_t	 now = NOW;

	slot_init(s);
	for (; *events != -1; events++) {
		now += 1000;
		todo = slot_event(s, (enum slot_event)*events, now);
	}
	return todo;
}

#define PLAY(s, ...)	play((s), (const int []){ __VA_ARGS__, -1 })

static void
good_lives(void)
{
	struct slot	 s;

	slot_init(&s);
	CHECK(s.state == SLOT_STARTING && s.deadline == 0, "a start has no deadline of its own");
	CHECK(PLAY(&s, SLOT_STARTED) == 0 && s.state == SLOT_LIVE && s.deadline == 0,
	    "nor has a process that lives");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FINISHED) == 0 && s.state == SLOT_ENDING &&
	    s.deadline == NOW + 2000 + SLOT_GRACE, "after its work it has a while to exit");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FINISHED, SLOT_FINISHED) == 0 &&
	    s.deadline == NOW + 2000 + SLOT_GRACE, "which is not made longer");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FINISHED, SLOT_EXITED) == 0 &&
	    s.state == SLOT_GONE && s.deadline == 0, "and exits");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_EXITED) == 0 && s.state == SLOT_GONE,
	    "it may exit when it likes");
	CHECK(PLAY(&s, SLOT_NOT_STARTED) == 0 && s.state == SLOT_GONE,
	    "one that could not be started is gone");
}

static void
longer_grace(void)
{
	struct slot	 s;

	slot_init(&s);
	s.grace = 9000;
	slot_event(&s, SLOT_STARTED, NOW);
	slot_event(&s, SLOT_FINISHED, NOW);
	CHECK(s.deadline == NOW + 9000, "the while to exit may be another one");
	CHECK(slot_event(&s, SLOT_DEADLINE, NOW) == SLOT_DO_TERM &&
	    s.deadline == NOW + SLOT_GRACE, "that from TERM to KILL is not");
}

static void
bad_lives(void)
{
	struct slot	 s;

	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED) == SLOT_DO_TERM && s.state == SLOT_TERMED &&
	    s.deadline == NOW + 2000 + SLOT_GRACE, "one that breaks a rule gets TERM");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED, SLOT_DEADLINE) == SLOT_DO_KILL &&
	    s.state == SLOT_KILLED && s.deadline == 0, "then KILL");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED, SLOT_DEADLINE, SLOT_EXITED) == 0 &&
	    s.state == SLOT_GONE, "then it is gone");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FINISHED, SLOT_DEADLINE) == SLOT_DO_TERM &&
	    s.state == SLOT_TERMED, "one that does not exit gets TERM");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FINISHED, SLOT_FAILED) == SLOT_DO_TERM &&
	    s.state == SLOT_TERMED, "so does one that breaks a rule at its end");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED, SLOT_EXITED) == 0 && s.state == SLOT_GONE,
	    "and may go at once");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED, SLOT_FAILED) == 0 && s.state == SLOT_TERMED,
	    "to fail twice changes nothing");
}

static void
doomed_lives(void)
{
	struct slot	 s;

	CHECK(PLAY(&s, SLOT_FAILED) == 0 && s.state == SLOT_DOOMED && s.deadline == 0,
	    "one that is not wanted any more may still be starting");
	CHECK(PLAY(&s, SLOT_FINISHED) == 0 && s.state == SLOT_DOOMED,
	    "whatever the reason");
	CHECK(PLAY(&s, SLOT_FAILED, SLOT_STARTED) == SLOT_DO_TERM && s.state == SLOT_TERMED,
	    "it is ended as soon as it has started");
	CHECK(PLAY(&s, SLOT_FAILED, SLOT_NOT_STARTED) == 0 && s.state == SLOT_GONE,
	    "or never was");
}

/* How many events its state expects; SLOT_EVENTS: another event changed it. */
static unsigned int
count_expected(const struct slot *s)
{
	struct slot	 copy;
	unsigned int	 n = 0;
	int		 ev;

	for (ev = 0; ev < SLOT_EVENTS; ev++) {
		copy = *s;
		if (slot_expects(s, (enum slot_event)ev))
			n++;
		else if (slot_event(&copy, (enum slot_event)ev, NOW) != 0 ||
		    copy.state != s->state || copy.deadline != s->deadline)
			return SLOT_EVENTS;
	}
	return n;
}

static void
impossible_events(void)
{
	struct slot	 s;

	slot_init(&s);
	CHECK(slot_expects(&s, SLOT_STARTED) && !slot_expects(&s, SLOT_EXITED) &&
	    !slot_expects(&s, SLOT_DEADLINE), "a start can't exit yet, and has no deadline");
	CHECK(slot_event(&s, SLOT_EXITED, NOW) == 0 && s.state == SLOT_STARTING,
	    "what can't happen changes nothing");
	CHECK(count_expected(&s) == 4, "of a start four events are expected");
	slot_event(&s, SLOT_STARTED, NOW);
	CHECK(count_expected(&s) == 3, "of one that lives three");
	CHECK(!slot_expects(&s, SLOT_STARTED) && !slot_expects(&s, SLOT_NOT_STARTED),
	    "it does not start again");
	slot_event(&s, SLOT_FAILED, NOW);
	CHECK(count_expected(&s) == 4, "of one that got TERM four");
	slot_event(&s, SLOT_EXITED, NOW);
	CHECK(s.state == SLOT_GONE && count_expected(&s) == 0, "of one that is gone none");
}

int
main(void)
{
	good_lives();
	longer_grace();
	bad_lives();
	doomed_lives();
	impossible_events();
	return tap_done();
}
