/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/event.c: the names of events.
 */
#include "base/compat.h"

#include <string.h>

#include "milter/event.h"

static const char *const event_names[EV_COUNT] = {
	[EV_CONNECT] = "connect",
	[EV_HELO] = "helo",
	[EV_MAIL] = "mail",
	[EV_RCPT] = "rcpt",
	[EV_DATA] = "data",
	[EV_HEADER] = "header",
	[EV_END_OF_HEADERS] = "end-of-headers",
	[EV_BODY] = "body",
	[EV_END_OF_MESSAGE] = "end-of-message",
	[EV_UNKNOWN] = "unknown",
	[EV_ABORT] = "abort",
	[EV_DISCONNECT] = "disconnect",
};

const char *
event_name(enum event_kind ev)
{
	return event_names[ev];
}

int
event_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < EV_COUNT; i++)
		/* A call of strcmp(3) for each name would cost more than all the rest. */
		if (event_names[i][0] == name[0] && strcmp(event_names[i], name) == 0)
			return i;
	return -1;
}
