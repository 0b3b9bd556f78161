/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain_why.h: the decisions of a session in words, on standard output.
 */
#ifndef PM_PIPEMILTER_EXPLAIN_WHY_H
#define PM_PIPEMILTER_EXPLAIN_WHY_H

#include "session/session.h"

/* What was decided on a handler at an event: an enum ask_why, or EXPLAIN_UNSEEN. */
#define EXPLAIN_UNSEEN	(-1)
struct seen {
	int	 asked, told;
};

/* Prints a blank, and a value as handlers see it. */
void	 explain_why_text(const char *);
/* Prints the current event, and what it is about. */
void	 explain_why_event(const struct session *);
/*
 * Prints whether the handler at an index was asked or told, or why not. The
 * event may be over.
 */
void	 explain_why_handler(const struct session *, unsigned int index, enum event_kind,
	    const struct seen *);

#endif
