/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/rewrite.h: messages that handlers return, with output = message. What differs from
 * the message as it came becomes actions.
 */
#ifndef PM_SESSION_REWRITE_H
#define PM_SESSION_REWRITE_H

#include "state/state.h"

/* Room for a reason that is put together. */
struct reason {
	char	 text[200];
};

/* 1 if there is enough memory to compare a returned message with the one that was given. */
int	 rewrite_has_room(const struct store *output);
/*
 * A handler returned the message. NULL: it takes the place of the version before. Else why
 * not, in a constant text or in the reason, and nothing has changed.
 */
const char *rewrite_take(struct session *, unsigned int index, struct store *output,
	    struct reason *);
/*
 * The same for a shadow: the actions that the message comes to are added to the list, and
 * have no other effect.
 */
const char *rewrite_show(const struct task *, struct store *output, struct action_list *,
	    struct reason *);
/* The message as it was returned last, or as it came. The session's; hold it to keep it. */
struct store *rewrite_current(struct session *);
/* Puts what was returned among the actions that are kept for the end of the message. */
void	 rewrite_to_kept(struct message *);

#endif
