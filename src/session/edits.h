/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/edits.h: the actions that handlers asked for during a message, as packets. They
 * have the same effect in Sendmail and Postfix, though indexes shift differently there.
 */
#ifndef PM_SESSION_EDITS_H
#define PM_SESSION_EDITS_H

#include "state/state.h"

/*
 * The first kept action that can't be done with this message, as a change of a header that is
 * not there, with *why as a constant text. NULL: all can be done.
 */
const struct action *edits_judge(struct message *, const char **why);

/*
 * 1 if out has room for the packets of all kept actions, and of those that a returned message
 * came to. It has taken that memory then, if they are large.
 */
int	 edits_have_room(const struct message *, struct buf *out);
/*
 * Adds the packets of all kept actions to out. Adds to summary, which may be NULL, what they
 * change, in words for the log.
 */
void	 edits_encode(struct session *, struct buf *out, struct buf *summary);

/*
 * Adds "HANDLER: ACTION, ACTION, HANDLER: ACTION" for the log. For all actions that come from
 * returned messages it adds message.changes.
 */
void	 edits_summarize(const struct session *, const struct action_list *, struct buf *);

#endif
