/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * wire_event.h: the commands of an MTA by their names, with the bits of the
 * negotiation that are about each.
 */
#ifndef PM_WIRE_EVENT_H
#define PM_WIRE_EVENT_H

#include <stdint.h>

struct wire_event {
	int		 command;	/* SMFIC_ */
	const char	*name;		/* as in pipemilter-handler(7) */
	uint32_t	 no;		/* SMFIP_: the event is not sent; 0: it always is */
	uint32_t	 nr;		/* it is not answered; 0: it always is */
};

/* NULL if there is no such command. Those that are never answered are not among them. */
const struct wire_event	*wire_event_find(int command);
const struct wire_event	*wire_event_by_name(const char *);
/* The stages of macro lists: a name for each SMFIM_ number below SMFIM_COUNT. */
const char		*wire_stage_name(uint32_t stage);
/* The number, or -1. */
int			 wire_stage_by_name(const char *);

#endif
