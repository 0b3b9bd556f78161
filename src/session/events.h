/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/events.h: what the commands of the MTA make the current event.
 */
#ifndef PM_SESSION_EVENTS_H
#define PM_SESSION_EVENTS_H

#include "milter/decode.h"
#include "session/turn.h"
#include "state/state.h"

/*
 * The event of a command becomes the current one, with all that is known of it. Returns 0 if
 * the command is no event. *turn: passed if handlers are to be asked; refused if the event is to
 * be answered without that.
 */
int	 events_begin(struct session *, const struct milter_cmd *, enum turn *);
/* What follows a piece of the body that the end-of-message command brought. */
void	 events_end_of_body(struct session *);
/* The session is over: disconnect. reason: a constant. */
void	 events_disconnect(struct session *, const char *reason);

#endif
