/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/wire_event.c: the commands of an MTA as events.
 */
#include "base/compat.h"

#include <string.h>

#include "milter/proto.h"
#include "milter/wire_event.h"

#define NEGOTIATE	"negotiate"

static const struct wire_event	 events[] = {
	{ SMFIC_HEADER,	 EV_HEADER,	    -1,		   SMFIP_NOHDRS,    SMFIP_NR_HDR },
	{ SMFIC_RCPT,	 EV_RCPT,	    SMFIM_RCPT,	   SMFIP_NORCPT,    SMFIP_NR_RCPT },
	{ SMFIC_BODY,	 EV_BODY,	    -1,		   SMFIP_NOBODY,    SMFIP_NR_BODY },
	{ SMFIC_EOH,	 EV_END_OF_HEADERS, SMFIM_EOH,	   SMFIP_NOEOH,	    SMFIP_NR_EOH },
	{ SMFIC_MAIL,	 EV_MAIL,	    SMFIM_MAIL,	   SMFIP_NOMAIL,    SMFIP_NR_MAIL },
	{ SMFIC_DATA,	 EV_DATA,	    SMFIM_DATA,	   SMFIP_NODATA,    SMFIP_NR_DATA },
	{ SMFIC_CONNECT, EV_CONNECT,	    SMFIM_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN },
	{ SMFIC_HELO,	 EV_HELO,	    SMFIM_HELO,	   SMFIP_NOHELO,    SMFIP_NR_HELO },
	{ SMFIC_UNKNOWN, EV_UNKNOWN,	    -1,		   SMFIP_NOUNKNOWN, SMFIP_NR_UNKN },
	{ SMFIC_BODYEOB, EV_END_OF_MESSAGE, SMFIM_EOM,	   0,		    0 },
	{ SMFIC_OPTNEG,	 EV_COUNT,	    -1,		   0,		    0 },
};

const struct wire_event *
wire_event_find(int command)
{
	size_t	 i;

	for (i = 0; i < nitems(events); i++)
		if (events[i].command == command)
			return &events[i];
	return NULL;
}

const struct wire_event *
wire_event_of(enum event_kind event)
{
	size_t	 i;

	for (i = 0; i < nitems(events); i++)
		if (events[i].event == event)
			return &events[i];
	return NULL;
}

const struct wire_event *
wire_event_by_name(const char *name)
{
	int	 event = event_by_name(name);

	if (event != -1)
		return wire_event_of((enum event_kind)event);
	return strcmp(name, NEGOTIATE) == 0 ? wire_event_find(SMFIC_OPTNEG) : NULL;
}

const char *
wire_event_name(const struct wire_event *ev)
{
	return ev->event == EV_COUNT ? NEGOTIATE : event_name(ev->event);
}

const char *
wire_event_stage_name(int stage)
{
	size_t	 i;

	for (i = 0; i < nitems(events); i++)
		if (events[i].stage == stage)
			return wire_event_name(&events[i]);
	return "unknown";
}

int
wire_event_stage_by_name(const char *name)
{
	const struct wire_event	*ev = wire_event_by_name(name);

	return ev == NULL ? -1 : ev->stage;
}
