/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/wire_event.h: the commands of an MTA as events, with the bits of the
 * negotiation for each, and the stages of macros. Pure.
 */
#ifndef PM_MILTER_WIRE_EVENT_H
#define PM_MILTER_WIRE_EVENT_H

#include <stdint.h>

#include "milter/event.h"

struct wire_event {
	int		 command;	/* SMFIC_ */
	enum event_kind	 event;		/* EV_COUNT: the negotiation */
	int		 stage;		/* SMFIM_ of its macro list; -1: it has none */
	uint32_t	 no;		/* SMFIP_: not sent; 0: it always is */
	uint32_t	 nr;		/* SMFIP_: not answered; 0: it always is */
};

/* Each returns NULL if there is no such command, or one that is never answered. */
const struct wire_event	*wire_event_find(int command);
const struct wire_event	*wire_event_of(enum event_kind);
const struct wire_event	*wire_event_by_name(const char *);
/* The name in pipemilter-handler(7), or "negotiate"; a constant text. */
const char		*wire_event_name(const struct wire_event *);
/* The name of a macro list, by SMFIM_ number: that of its event. */
const char		*wire_event_stage_name(int stage);
/* The SMFIM_ number of a name, or -1. */
int			 wire_event_stage_by_name(const char *);

#endif
