/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/ask.h: the current event goes from handler to handler.
 */
#ifndef PM_SESSION_ASK_H
#define PM_SESSION_ASK_H

#include "session/turn.h"
#include "state/state.h"

/*
 * Goes on with the handlers that had no turn yet. Passed: all had their turn, and nobody
 * refused the event.
 */
enum turn ask_next(struct session *);
/* Adds a report of the current event to the tasks of each handler that wants one. */
void	 ask_report(struct session *);

#endif
