/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/macros.h: the macros that milter-send sends at each stage: those of
 * Postfix, those that the filter asked for and we know, and those of the user.
 * Pure.
 */
#ifndef PM_MTA_MACROS_H
#define PM_MTA_MACROS_H

#include <stddef.h>

#include "milter/encode.h"
#include "milter/proto.h"
#include "mta/plan.h"

#define MTA_MAX_PAIRS	128

struct mta_macros {
	const struct mta_plan	*plan;
	/* The filter's lists by SMFIM_ number; NULL: Postfix's list. */
	const char		*lists[SMFIM_COUNT];
	const char		*queue_id;	/* NULL outside a message */
	const char		*rcpt;		/* of this event, with brackets; or NULL */
	struct milter_pair	 pairs[MTA_MAX_PAIRS];	/* of the last mta_macros_fill() */
	size_t			 npairs;
	char			 scratch[4096];	/* names and values in pairs */
	size_t			 used;
};

/*
 * Fills pairs for the stage of this command (SMFIC_). A macro without a value
 * is left out. Macros of the user that are in no list come with connect.
 */
void	 mta_macros_fill(struct mta_macros *, int code);

#endif
