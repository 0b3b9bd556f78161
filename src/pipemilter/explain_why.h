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

/* What was decided on a handler at an event; enum ask_why or EXPLAIN_UNSEEN. */
#define EXPLAIN_UNSEEN	(-1)
struct seen {
	int	 asked, told;
};

/* A blank, and a value as handlers would see it. */
void	 explain_why_text(const char *);
/* The event in hand, and what it is about. */
void	 explain_why_event(const struct session *);
/* Whether the handler at an index was asked or told, or why not; the event may be over. */
void	 explain_why_handler(const struct session *, unsigned int index, enum event_kind,
	    const struct seen *);

#endif
