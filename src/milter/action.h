/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/action.h: the actions of pipemilter-handler(7): their names, and an
 * action with its arguments. Pure.
 */
#ifndef PM_MILTER_ACTION_H
#define PM_MILTER_ACTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"

enum action_kind {
	/* go to the MTA; an `actions' list may name them */
	ACT_ADD_HEADER,
	ACT_INSERT_HEADER,
	ACT_CHANGE_HEADER,
	ACT_DELETE_HEADER,
	ACT_CHANGE_SENDER,
	ACT_ADD_RECIPIENT,
	ACT_DELETE_RECIPIENT,
	ACT_REPLACE_BODY,
	ACT_QUARANTINE,
	ACT_MTA_COUNT,
	/* stay here and are always allowed */
	ACT_PROGRESS = ACT_MTA_COUNT,
	ACT_SET,
	ACT_SET_MESSAGE,
	ACT_UNSET,
	ACT_LOG,
	ACT_COUNT
};

#define ACT_BIT(a)	(1u << (a))
#define ACT_ALL_MTA	(ACT_BIT(ACT_MTA_COUNT) - 1)

/*
 * One action line of a reply. name, value and args are unescaped and
 * NUL-terminated, and NULL where the action has none:
 *  add-header                 name, value
 *  insert-header              index, name, value
 *  change-header              name, index, value (may be "")
 *  delete-header              name, index (0: all of that name)
 *  change-sender              value (address in <>), args or NULL
 *  add-recipient              value (address in <>), args or NULL
 *  delete-recipient           value (address as given)
 *  replace-body               body, body_len (line ends already CRLF)
 *  quarantine, log            value
 *  set, set-message           name, value (may be "")
 *  unset                      name
 * The value of a header lacks the space after the colon, unless exact is set.
 */
struct action {
	TAILQ_ENTRY(action)	 entry;
	enum action_kind	 kind;
	char			*name;
	char			*value;
	char			*args;
	uint32_t		 index;
	int			 exact;		/* value includes the space after the colon */
	unsigned char		*body;
	size_t			 body_len;
	unsigned int		 handler;	/* for the list's owner: whose it is */
	unsigned int		 event_no;	/* and the event it answers */
	int			 returned;	/* from a returned message */
};
TAILQ_HEAD(action_list, action);

/* insert-header: both MTAs put a header with this index after all others. */
#define ACTION_INDEX_END	0x7fffffffu

/* The name, a constant text. */
const char	*action_name(enum action_kind);
/* The kind of a name, or -1. */
int	 action_by_name(const char *);
/* Frees an action with its texts and its body; NULL is allowed. */
void	 action_free(struct action *);
/* Frees every action of the list, which is empty then. */
void	 action_list_clear(struct action_list *);
/* 1 if some action of the list is of this kind. */
int	 action_list_has(const struct action_list *, enum action_kind);

#endif
