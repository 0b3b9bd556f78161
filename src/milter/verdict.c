/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/verdict.c: the names of verdicts, and the events that allow them.
 */
#include "base/compat.h"

#include <string.h>

#include "milter/verdict.h"

static const char *const verdict_names[VD_COUNT] = {
	[VD_CONTINUE] = "continue",
	[VD_ACCEPT] = "accept",
	[VD_REJECT] = "reject",
	[VD_TEMPFAIL] = "tempfail",
	[VD_DISCARD] = "discard",
	[VD_SKIP] = "skip",
	[VD_SHUTDOWN] = "shutdown",
};

#define MESSAGE_EVENTS	(EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT) | EV_BIT(EV_DATA) | \
			    EV_BIT(EV_HEADER) | EV_BIT(EV_END_OF_HEADERS) | \
			    EV_BIT(EV_BODY) | EV_BIT(EV_END_OF_MESSAGE))

static const unsigned int verdict_events[VD_COUNT] = {
	[VD_CONTINUE] = EV_ANSWERABLE,
	/* After accept at `unknown', Postfix panics at the next MAIL. */
	[VD_ACCEPT] = EV_ANSWERABLE & ~EV_BIT(EV_UNKNOWN),
	[VD_REJECT] = EV_ANSWERABLE,
	[VD_TEMPFAIL] = EV_ANSWERABLE,
	[VD_DISCARD] = MESSAGE_EVENTS,
	[VD_SKIP] = EV_BIT(EV_HEADER) | EV_BIT(EV_BODY),
	[VD_SHUTDOWN] = EV_ANSWERABLE,
};

const char *
verdict_name(enum verdict vd)
{
	return verdict_names[vd];
}

int
verdict_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < VD_COUNT; i++)
		/* A call of strcmp(3) for each name would cost more than all the rest. */
		if (verdict_names[i][0] == name[0] && strcmp(verdict_names[i], name) == 0)
			return i;
	return -1;
}

int
verdict_fits(enum verdict vd, enum event_kind ev)
{
	return (verdict_events[vd] & EV_BIT(ev)) != 0;
}
