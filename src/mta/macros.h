/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_macros.h: the macros that milter-send sends at each stage: those of
 * Postfix, those the filter asked for as far as they are known, and the
 * user's.
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
	/* The filter's lists by SMFIM_ number, NULL: Postfix's. */
	const char		*lists[SMFIM_COUNT];
	const char		*queue_id;	/* NULL outside a message */
	const char		*rcpt;		/* with brackets; NULL */
	struct milter_pair	 pairs[MTA_MAX_PAIRS];	/* what mta_macros_fill() found */
	size_t			 npairs;
	char			 scratch[4096];	/* names and values of pairs */
	size_t			 used;
};

/*
 * Fills pairs for the stage of this command (SMFIC_). A macro without a value
 * is left out; the user's that stand in no list come with the connection.
 */
void	 mta_macros_fill(struct mta_macros *, int code);

#endif
