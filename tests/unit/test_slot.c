/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* slot.h: the lives that a handler process may have. */

#include "compat.h"

#include "slot.h"
#include "tap.h"

#define NOW	1000u
#define TIMEOUT	8000u
#define GRACE	5000u

/* Plays events until a -1, each a second after the other; gives the last result. */
static unsigned int
play(struct slot *s, const int *events)
{
	unsigned int	 todo = 0;
	uint64_t	 now = NOW;

	slot_init(s, now, TIMEOUT);
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

	slot_init(&s, NOW, TIMEOUT);
	CHECK(s.deadline == NOW + TIMEOUT, "the timeout counts from the start");
	CHECK(PLAY(&s, SLOT_STARTED) == 0 && s.state == SLOT_ASKED &&
	    s.deadline == NOW + TIMEOUT, "being started does not restart it");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_PROGRESS) == 0 && s.state == SLOT_ASKED &&
	    s.deadline == NOW + 2000 + TIMEOUT, "progress does");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_ANSWERED) == 0 && s.state == SLOT_ENDING &&
	    s.deadline == NOW + 2000 + GRACE, "after its answer it has a while to exit");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_ANSWERED, SLOT_EXITED) == 0 &&
	    s.state == SLOT_GONE && s.deadline == 0, "and exits");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_EXITED) == 0 && s.state == SLOT_GONE,
	    "it may exit without an answer");
	CHECK(PLAY(&s, SLOT_NOT_STARTED) == 0 && s.state == SLOT_GONE,
	    "one that could not be started is gone");
}

static void
bad_lives(void)
{
	struct slot	 s;

	CHECK(PLAY(&s, SLOT_STARTED, SLOT_DEADLINE) == (SLOT_DO_TIMEOUT | SLOT_DO_TERM) &&
	    s.state == SLOT_TERMED && s.deadline == NOW + 2000 + GRACE,
	    "one that does not answer in time gets TERM, and its event is told");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_DEADLINE, SLOT_DEADLINE) == SLOT_DO_KILL &&
	    s.state == SLOT_KILLED && s.deadline == 0, "then KILL");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_DEADLINE, SLOT_DEADLINE, SLOT_EXITED) == 0 &&
	    s.state == SLOT_GONE, "then it is gone");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_ANSWERED, SLOT_DEADLINE) == SLOT_DO_TERM &&
	    s.state == SLOT_TERMED, "one that does not exit gets TERM, and nothing is told");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED) == SLOT_DO_TERM && s.state == SLOT_TERMED,
	    "one that breaks a rule gets TERM");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED, SLOT_EXITED) == 0 && s.state == SLOT_GONE,
	    "and may go at once");
	CHECK(PLAY(&s, SLOT_STARTED, SLOT_FAILED, SLOT_FAILED) == 0 && s.state == SLOT_TERMED,
	    "to fail twice changes nothing");
}

static void
doomed_lives(void)
{
	struct slot	 s;

	CHECK(PLAY(&s, SLOT_DEADLINE) == SLOT_DO_TIMEOUT && s.state == SLOT_DOOMED,
	    "the timeout may come before the start");
	CHECK(PLAY(&s, SLOT_FAILED) == 0 && s.state == SLOT_DOOMED && s.deadline == 0,
	    "one that is not wanted any more may still be starting");
	CHECK(PLAY(&s, SLOT_FAILED, SLOT_STARTED) == SLOT_DO_TERM && s.state == SLOT_TERMED,
	    "it is ended as soon as it has started");
	CHECK(PLAY(&s, SLOT_FAILED, SLOT_NOT_STARTED) == 0 && s.state == SLOT_GONE,
	    "or never was");
}

int
main(void)
{
	good_lives();
	bad_lives();
	doomed_lives();
	return tap_done();
}
