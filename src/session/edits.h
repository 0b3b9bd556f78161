/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/edits.h: the actions that handlers asked for during a message, as the
 * packets that make Sendmail and Postfix, whose indexes move differently,
 * come to the same.
 */
#ifndef PM_SESSION_EDITS_H
#define PM_SESSION_EDITS_H

#include "state/state.h"

/*
 * The first kept action that can't be done with this message, e.g. a change
 * of a header that isn't there; NULL if all can. *why is a constant text.
 */
const struct action *edits_judge(struct message *, const char **why);

/*
 * Adds the packets of all kept actions to out, and to summary (may be NULL)
 * what they change, in words for the log.
 */
void	 edits_encode(struct session *, struct buf *out, struct buf *summary);

/*
 * Adds "HANDLER: ACTION, ACTION, HANDLER: ACTION" for the log. What returned
 * messages come to is told in the words of message.changes.
 */
void	 edits_summarize(const struct session *, const struct action_list *, struct buf *);

#endif
