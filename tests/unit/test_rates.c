/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* ctl/rates.h: what happens between two snapshots, and in the last minute. */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "ctl/rates.h"
#include "tap.h"

/* A daemon with one handler that was asked so many times. */
static void
add(struct rates *r, const char *name, uint64_t asked, uint64_t now)
{
	struct snapshot		 s;
	struct control_msg	*msg;
	unsigned int		 i;

	memset(&s, 0, sizeof(s));
	msg = s.daemon.msgs = xcalloc(1, sizeof(*msg));
	s.daemon.n = 1;
	msg->type = CONTROL_DAEMON;
	for (i = 0; i < control_msg_texts(CONTROL_DAEMON); i++)
		msg->text[i] = xstrdup("");
	msg->u.daemon.numbers.messages[NUMBERS_REJECT] = 2 * asked;
	msg = s.handlers.msgs = xcalloc(1, sizeof(*msg));
	s.handlers.n = 1;
	msg->type = CONTROL_HANDLER;
	msg->text[0] = xstrdup(name);
	msg->u.handler.numbers.answers[VD_CONTINUE] = asked - asked / 5;
	msg->u.handler.numbers.failures[NUMBERS_TIMEOUT] = asked / 5;
	msg->u.handler.numbers.events[EV_MAIL].buckets[3] = asked;
	rates_add(r, &s, 1000000 + now);
}

static void
test_interval(void)
{
	struct rates	 r;

	memset(&r, 0, sizeof(r));
	add(&r, "a", 1000, 5000);
	CHECK(r.ms == 0 && r.n == 1 && r.handlers[0].asked == 0 && r.handlers[0].cells[7] < 0,
	    "nothing is known of one snapshot");
	add(&r, "a", 1010, 7000);
	CHECK(r.ms == 2000 && r.messages[NUMBERS_REJECT] == 20, "messages");
	CHECK(r.handlers[0].asked == 10 && r.handlers[0].failed == 2 &&
	    numbers_count(&r.handlers[0].times) == 10, "a handler");
	CHECK(r.handlers[0].cells[7] > 4.9 && r.handlers[0].cells[7] < 5.1 &&
	    r.handlers[0].cells[0] < 0, "the last seconds of the minute");
	add(&r, "a", 30, 9000);
	CHECK(r.handlers[0].asked == 30 && r.messages[NUMBERS_REJECT] == 60,
	    "a daemon that was started again counts from 0");
	add(&r, "b", 7, 9000);
	CHECK(r.ms == 0 && r.handlers[0].asked == 0, "no time between two snapshots");
	add(&r, "c", 7, 11000);
	CHECK(r.handlers[0].asked == 7, "a handler that is new");
	rates_free(&r);
}

static void
test_minute(void)
{
	struct rates	 r;
	uint64_t	 asked = 0, now;
	unsigned int	 i, wrong = 0;

	memset(&r, 0, sizeof(r));
	/* Nothing for a minute and a half, and then 10 a second for half a minute. */
	for (now = 1000; now <= 121000; now += 1000) {
		asked += now > 91000 ? 10 : 0;
		add(&r, "a", asked, now);
	}
	for (i = 0; i < RATES_CELLS; i++)
		wrong += i < 4 ? r.handlers[0].cells[i] > 0.01 || r.handlers[0].cells[i] < 0 :
		    r.handlers[0].cells[i] < 9.99 || r.handlers[0].cells[i] > 10.01;
	CHECK(wrong == 0, "half of the minute");
	rates_free(&r);
}

int
main(void)
{
	test_interval();
	test_minute();
	return tap_done();
}
