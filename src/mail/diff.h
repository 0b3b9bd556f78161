/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/diff.h: from two texts of a message to the actions that make one the
 * other. Pure.
 *
 * Only two places for a new header are the same in Sendmail and Postfix: the
 * top, below the MTA's own Received, and the end. So some headers of the new
 * message are the old ones that stay, one below the other, unchanged or with
 * a new value; what is above them is inserted at the top, what is below them
 * at the end, and all other old ones are deleted.
 */
#ifndef PM_MAIL_DIFF_H
#define PM_MAIL_DIFF_H

#include "mail/text.h"
#include "milter/action.h"

/*
 * What a filter returned can't be the message that it was given, changed:
 * why, in words that follow the name of the filter, a constant text; or NULL.
 */
const char	*maildiff_fault(const struct mailfile *given, const struct mailfile *returned);

/*
 * Adds to the list, which may hold others, the fewest actions on headers that
 * make the message as it came, old, into the new one, to the byte, in both
 * MTAs: insert-header (1 or ACTION_INDEX_END), change-header, delete-header,
 * all exact, with the indexes of the old message; and one replace-body where
 * the body differs in more than its line ends, and CRs right before them.
 * Beyond some thousands of headers of one name they may be more than the
 * fewest.
 *
 * old is what the headers of the MTA's own packets were written as: without
 * lines that only the filter was shown, and as many headers as came. Handler
 * and event of the actions are left to the caller. Returns 0, or -1 with *why
 * (a constant text) and nothing added: a header that no MTA would take.
 */
int	 maildiff(const struct mailfile *old, const struct mailfile *new,
	    struct action_list *, const char **why);

#endif
