/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/wire_event.h: the commands of an MTA as events, with the bits of the
 * negotiation that are about each, and the stages of macros.
 */
#ifndef PM_MILTER_WIRE_EVENT_H
#define PM_MILTER_WIRE_EVENT_H

#include <stdint.h>

#include "milter/event.h"

struct wire_event {
	int		 command;	/* SMFIC_ */
	enum event_kind	 event;		/* EV_COUNT: it is the negotiation */
	int		 stage;		/* SMFIM_ of a list of macros for it; -1: none is */
	uint32_t	 no;		/* SMFIP_: the event is not sent; 0: it always is */
	uint32_t	 nr;		/* it is not answered; 0: it always is */
};

/* NULL if there is no such command. Those that are never answered are not among them. */
const struct wire_event	*wire_event_find(int command);
const struct wire_event	*wire_event_of(enum event_kind);
const struct wire_event	*wire_event_by_name(const char *);
/* As in pipemilter-handler(7), or "negotiate". */
const char		*wire_event_name(const struct wire_event *);
/* The stages of macro lists have the names of their events. Of each SMFIM_ number: */
const char		*wire_event_stage_name(int stage);
/* The number, or -1. */
int			 wire_event_stage_by_name(const char *);

#endif
