/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/verdict.h: the verdicts of pipemilter-handler(7), their names, and at
 * which events each is allowed. Pure.
 */
#ifndef PM_MILTER_VERDICT_H
#define PM_MILTER_VERDICT_H

#include "milter/event.h"

enum verdict {
	VD_CONTINUE,
	VD_ACCEPT,
	VD_REJECT,
	VD_TEMPFAIL,
	VD_DISCARD,
	VD_SKIP,
	VD_SHUTDOWN,
	VD_COUNT
};

/* The name, a constant text. */
const char	*verdict_name(enum verdict);
/* The verdict of a name, or -1. */
int	 verdict_by_name(const char *);
/* 1 if the table of verdicts in pipemilter-handler(7) allows this one at this event. */
int	 verdict_fits(enum verdict, enum event_kind);

#endif
