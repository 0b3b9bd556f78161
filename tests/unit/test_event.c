/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests milter/event.h, milter/verdict.h, milter/action.h and
 * milter/wire_event.h: the names and the table of pipemilter-handler(7).
 */

#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "milter/action.h"
#include "milter/verdict.h"
#include "milter/proto.h"
#include "tap.h"
#include "milter/wire_event.h"

static const char *const	 events[] = { "connect", "helo", "mail", "rcpt", "data",
	"header", "end-of-headers", "body", "end-of-message", "unknown", "abort",
	"disconnect" };
static const char *const	 verdicts[] = { "continue", "accept", "reject", "tempfail",
	"discard", "skip", "shutdown" };
static const char *const	 actions[] = { "add-header", "insert-header",
	"change-header", "delete-header", "change-sender", "add-recipient",
	"delete-recipient", "replace-body", "quarantine", "progress", "set",
	"set-message", "unset", "log" };

static void
test_names(void)
{
	int	 i;

	CHECK(nitems(events) == EV_COUNT && nitems(verdicts) == VD_COUNT &&
	    nitems(actions) == ACT_COUNT, "as many names as numbers");
	for (i = 0; i < EV_COUNT; i++) {
		CHECK_STR(event_name((enum event_kind)i), events[i], events[i]);
		CHECK(event_by_name(events[i]) == i, "and back");
	}
	for (i = 0; i < VD_COUNT; i++) {
		CHECK_STR(verdict_name((enum verdict)i), verdicts[i], verdicts[i]);
		CHECK(verdict_by_name(verdicts[i]) == i, "and back");
	}
	for (i = 0; i < ACT_COUNT; i++) {
		CHECK_STR(action_name((enum action_kind)i), actions[i], actions[i]);
		CHECK(action_by_name(actions[i]) == i, "and back");
	}
}

static void
test_wrong_names(void)
{
	CHECK(event_by_name("") == -1 && event_by_name("Connect") == -1 &&
	    event_by_name("connec") == -1 && event_by_name("connectx") == -1 &&
	    event_by_name("envfrom") == -1, "no such event");
	CHECK(verdict_by_name("") == -1 && verdict_by_name("CONTINUE") == -1 &&
	    verdict_by_name("reject ") == -1, "no such verdict");
	CHECK(action_by_name("") == -1 && action_by_name("set_") == -1 &&
	    action_by_name("Log") == -1, "no such action");
}

/* One letter for each event, in the order of the enum: c h m r d H n b e u. */
static void
test_fits(void)
{
	static const char *const	 table[] = {
		[VD_CONTINUE] = "yyyyyyyyyy",
		[VD_ACCEPT] = "yyyyyyyyyn",
		[VD_REJECT] = "yyyyyyyyyy",
		[VD_TEMPFAIL] = "yyyyyyyyyy",
		[VD_DISCARD] = "nnyyyyyyyn",
		[VD_SKIP] = "nnnnnynynn",
		[VD_SHUTDOWN] = "yyyyyyyyyy",
	};
	char				 name[80];
	int				 v, e;

	for (v = 0; v < VD_COUNT; v++)
		for (e = 0; e <= EV_UNKNOWN; e++) {
			snprintf(name, sizeof(name), "%s at %s: %c", verdicts[v], events[e],
			    table[v][e]);
			CHECK(verdict_fits((enum verdict)v, (enum event_kind)e) ==
			    (table[v][e] == 'y'), name);
		}
	for (v = 0; v < VD_COUNT; v++)
		CHECK(!verdict_fits((enum verdict)v, EV_ABORT) &&
		    !verdict_fits((enum verdict)v, EV_DISCONNECT), "none at a mere report");
}

static void
test_sets(void)
{
	CHECK(EV_ANSWERABLE == 0x3ff, "ten events are answered");
	CHECK(ACT_ALL_MTA == 0x1ff, "nine actions go to the MTA");
}

static void
test_commands(void)
{
	static const char	 letters[] = "CHMRTLNBEU";	/* in the order of the enum */
	const struct wire_event	*ev;
	int			 i;

	for (i = 0; letters[i] != '\0'; i++) {
		ev = wire_event_find(letters[i]);
		CHECK(ev != NULL && ev->event == (enum event_kind)i, events[i]);
		CHECK(wire_event_of((enum event_kind)i) == ev, "found by its number");
		CHECK(wire_event_by_name(events[i]) == ev, "and by its name");
		CHECK_STR(wire_event_name(ev), events[i], "which it has");
	}
	ev = wire_event_find(SMFIC_OPTNEG);
	CHECK(ev != NULL && wire_event_by_name("negotiate") == ev, "the negotiation");
	CHECK_STR(wire_event_name(ev), "negotiate", "has a name of its own");
	CHECK(wire_event_find('Q') == NULL && wire_event_find('D') == NULL &&
	    wire_event_find('A') == NULL && wire_event_of(EV_ABORT) == NULL &&
	    wire_event_by_name("disconnect") == NULL && wire_event_by_name("x") == NULL,
	    "no event that can be answered");
}

static void
test_stages(void)
{
	static const char *const	 stages[SMFIM_COUNT] = { "connect", "helo", "mail",
		"rcpt", "data", "end-of-message", "end-of-headers" };
	int				 i;

	for (i = 0; i < SMFIM_COUNT; i++) {
		CHECK_STR(wire_event_stage_name(i), stages[i], stages[i]);
		CHECK(wire_event_stage_by_name(stages[i]) == i, "and back");
	}
	CHECK(wire_event_stage_by_name("header") == -1 && wire_event_stage_by_name("body") == -1 &&
	    wire_event_stage_by_name("unknown") == -1 && wire_event_stage_by_name("negotiate") == -1 &&
	    wire_event_stage_by_name("abort") == -1 && wire_event_stage_by_name("") == -1, "no stages");
}

int
main(void)
{
	test_names();
	test_wrong_names();
	test_fits();
	test_sets();
	test_commands();
	test_stages();
	return tap_done();
}
