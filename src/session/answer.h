/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/answer.h: the answer to the MTA, once all handlers have been asked about an event or one
 * has refused it.
 */
#ifndef PM_SESSION_ANSWER_H
#define PM_SESSION_ANSWER_H

#include "state/state.h"

/*
 * Returns 1 if the end-of-message command that brought this piece of the body waits for more
 * events, and nothing is answered yet. Else 0: the answer is added to out if one is due, and
 * the event is over.
 */
int	 answer_event(struct session *, struct buf *out);
/*
 * The open message, if there is one, ends without an answer to its end: that is logged and
 * reported as an abort, and the message is closed.
 */
void	 answer_aborted(struct session *);

#endif
