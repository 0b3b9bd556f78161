/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/who.h: which handlers are asked or told of the current event, and why not.
 */
#ifndef PM_SESSION_WHO_H
#define PM_SESSION_WHO_H

#include "state/state.h"

/*
 * Why the handler at an index has no part in the open message, or in the session if none is
 * open; the first reason that holds. ASK_YES: it has. Looks at no event, so the only other
 * results are ASK_MISSING, ASK_CLIENT, ASK_AUTHENTICATED, ASK_LEFT_SESSION, ASK_LARGE and
 * ASK_LEFT. A new reason to leave goes here, and nowhere else.
 */
enum ask_why session_absence(const struct session *, unsigned int index);
/* Why the handler is not asked about the current event. */
enum ask_why who_is_asked(const struct session *, unsigned int index);
/* Why the handler gets no report of the current event. */
enum ask_why who_is_told(const struct session *, unsigned int index);
/* Tells the watch of the session, if it has one, what was decided. */
void	 who_show(const struct session *, unsigned int index, int report, enum ask_why);

#endif
