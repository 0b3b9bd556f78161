/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/diff.h: from two texts of a message to the actions that turn one into
 * the other. Pure.
 *
 * Sendmail and Postfix agree on only two places for a new header: the top,
 * below the MTA's own Received, and the end. So one run of headers in the new
 * message consists of old headers that stay, in their order, unchanged or with
 * a new value. Headers above the run are inserted at the top, headers below it
 * at the end, and all other old headers are deleted.
 */
#ifndef PM_MAIL_DIFF_H
#define PM_MAIL_DIFF_H

#include "mail/text.h"
#include "milter/action.h"

/*
 * Says why a returned text can't be the given message with changes: a constant
 * text whose words follow the name of the filter. NULL: it can.
 */
const char	*maildiff_fault(const struct mailfile *given, const struct mailfile *returned);

/*
 * Adds to the list, which may hold other actions, the fewest header actions
 * that turn the message as it came, old, into the new one, to the byte, in both
 * MTAs: insert-header (1 or ACTION_INDEX_END), change-header, delete-header,
 * all exact, with the indexes of the old message. Adds one replace-body if the
 * bodies differ in more than their line ends and CRs right before them. With
 * more than some thousands of headers of one name there may be more actions
 * than necessary.
 *
 * old is the text that the MTA's own packets were written as: without lines
 * that only the filter was shown, with as many headers as came. The caller sets
 * handler and event of the actions. Returns 0, or -1 with *why (a constant
 * text) and nothing added: no MTA would accept a header.
 */
int	 maildiff(const struct mailfile *old, const struct mailfile *new,
	    struct action_list *, const char **why);

#endif
