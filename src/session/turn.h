/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/turn.h: how the turn of a handler at an event ended.
 */
#ifndef PM_SESSION_TURN_H
#define PM_SESSION_TURN_H

#include "state/state.h"

/* Any number of handlers may have passed before one is asked, or refuses. */
enum turn {
	TURN_PASSED,	/* the next handler has its turn; from all of them: nobody refused */
	TURN_ASKED,	/* the handler was asked: wait for its reply */
	TURN_REFUSED	/* the event is refused: current.verdict says how */
};

#endif
