/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <string.h>

#include "milter_proto.h"
#include "wire_event.h"

static const struct wire_event	 events[] = {
	{ SMFIC_HEADER,		"header",		SMFIP_NOHDRS,	 SMFIP_NR_HDR },
	{ SMFIC_RCPT,		"rcpt",			SMFIP_NORCPT,	 SMFIP_NR_RCPT },
	{ SMFIC_BODY,		"body",			SMFIP_NOBODY,	 SMFIP_NR_BODY },
	{ SMFIC_EOH,		"end-of-headers",	SMFIP_NOEOH,	 SMFIP_NR_EOH },
	{ SMFIC_MAIL,		"mail",			SMFIP_NOMAIL,	 SMFIP_NR_MAIL },
	{ SMFIC_DATA,		"data",			SMFIP_NODATA,	 SMFIP_NR_DATA },
	{ SMFIC_CONNECT,	"connect",		SMFIP_NOCONNECT, SMFIP_NR_CONN },
	{ SMFIC_HELO,		"helo",			SMFIP_NOHELO,	 SMFIP_NR_HELO },
	{ SMFIC_UNKNOWN,	"unknown",		SMFIP_NOUNKNOWN, SMFIP_NR_UNKN },
	{ SMFIC_BODYEOB,	"end-of-message",	0,		 0 },
	{ SMFIC_OPTNEG,		"negotiate",		0,		 0 },
};

static const char *const	 stages[SMFIM_COUNT] = {
	[SMFIM_CONNECT] = "connect",
	[SMFIM_HELO] = "helo",
	[SMFIM_MAIL] = "mail",
	[SMFIM_RCPT] = "rcpt",
	[SMFIM_DATA] = "data",
	[SMFIM_EOM] = "end-of-message",
	[SMFIM_EOH] = "end-of-headers",
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
wire_event_by_name(const char *name)
{
	size_t	 i;

	for (i = 0; i < nitems(events); i++)
		if (strcmp(events[i].name, name) == 0)
			return &events[i];
	return NULL;
}

const char *
wire_stage_name(uint32_t stage)
{
	return stages[stage];
}

int
wire_stage_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < SMFIM_COUNT; i++)
		if (strcmp(stages[i], name) == 0)
			return i;
	return -1;
}
