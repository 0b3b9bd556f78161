/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
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

static const char *const verdict_names[VD_COUNT] = {
	[VD_CONTINUE] = "continue",
	[VD_ACCEPT] = "accept",
	[VD_REJECT] = "reject",
	[VD_TEMPFAIL] = "tempfail",
	[VD_DISCARD] = "discard",
	[VD_SKIP] = "skip",
	[VD_SHUTDOWN] = "shutdown",
};

static const char *const action_names[ACT_COUNT] = {
	[ACT_ADD_HEADER] = "add-header",
	[ACT_INSERT_HEADER] = "insert-header",
	[ACT_CHANGE_HEADER] = "change-header",
	[ACT_DELETE_HEADER] = "delete-header",
	[ACT_CHANGE_SENDER] = "change-sender",
	[ACT_ADD_RECIPIENT] = "add-recipient",
	[ACT_DELETE_RECIPIENT] = "delete-recipient",
	[ACT_REPLACE_BODY] = "replace-body",
	[ACT_QUARANTINE] = "quarantine",
	[ACT_PROGRESS] = "progress",
	[ACT_SET] = "set",
	[ACT_SET_MESSAGE] = "set-message",
	[ACT_UNSET] = "unset",
	[ACT_LOG] = "log",
};

#define MESSAGE_EVENTS	(EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT) | EV_BIT(EV_DATA) | \
			    EV_BIT(EV_HEADER) | EV_BIT(EV_END_OF_HEADERS) | \
			    EV_BIT(EV_BODY) | EV_BIT(EV_END_OF_MESSAGE))

static const unsigned int verdict_events[VD_COUNT] = {
	[VD_CONTINUE] = EV_ANSWERABLE,
	/* A Postfix that gets one at `unknown' panics at the next MAIL. */
	[VD_ACCEPT] = EV_ANSWERABLE & ~EV_BIT(EV_UNKNOWN),
	[VD_REJECT] = EV_ANSWERABLE,
	[VD_TEMPFAIL] = EV_ANSWERABLE,
	[VD_DISCARD] = MESSAGE_EVENTS,
	[VD_SKIP] = EV_BIT(EV_HEADER) | EV_BIT(EV_BODY),
	[VD_SHUTDOWN] = EV_ANSWERABLE,
};

static int
find_name(const char *const *names, int n, const char *name)
{
	int	 i;

	for (i = 0; i < n; i++)
		/* A call of strcmp(3) for each would cost more than all the rest. */
		if (names[i][0] == name[0] && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *
event_name(enum event_kind ev)
{
	return event_names[ev];
}

const char *
verdict_name(enum verdict vd)
{
	return verdict_names[vd];
}

const char *
action_name(enum action_kind act)
{
	return action_names[act];
}

int
event_by_name(const char *name)
{
	return find_name(event_names, EV_COUNT, name);
}

int
verdict_by_name(const char *name)
{
	return find_name(verdict_names, VD_COUNT, name);
}

int
action_by_name(const char *name)
{
	return find_name(action_names, ACT_COUNT, name);
}

int
verdict_fits(enum verdict vd, enum event_kind ev)
{
	return (verdict_events[vd] & EV_BIT(ev)) != 0;
}
