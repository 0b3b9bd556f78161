/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* milter/action.c: the names of actions, and freeing them. */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/action.h"

static const char *const action_names[ACT_COUNT] = {
	[ACT_ADD_HEADER] = "add-header",
	[ACT_INSERT_HEADER] = "insert-header",
	[ACT_CHANGE_HEADER] = "change-header",
	[ACT_DELETE_HEADER] = "delete-header",
	[ACT_CHANGE_SENDER] = "change-sender",
	[ACT_ADD_RECIPIENT] = "add-recipient",
	[ACT_DELETE_RECIPIENT] = "delete-recipient",
	[ACT_REPLACE_BODY] = "replace-body",
	[ACT_QUARANTINE] = "quarantine",
	[ACT_PROGRESS] = "progress",
	[ACT_SET] = "set",
	[ACT_SET_MESSAGE] = "set-message",
	[ACT_UNSET] = "unset",
	[ACT_LOG] = "log",
};

const char *
action_name(enum action_kind act)
{
	return action_names[act];
}

int
action_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < ACT_COUNT; i++)
		/* A call of strcmp(3) for each name would cost more than all the rest. */
		if (action_names[i][0] == name[0] && strcmp(action_names[i], name) == 0)
			return i;
	return -1;
}

void
action_free(struct action *a)
{
	if (a == NULL)
		return;
	free(a->name);
	free(a->value);
	free(a->args);
	free(a->body);
	free(a);
}

void
action_list_clear(struct action_list *list)
{
	struct action	*a;

	while ((a = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, a, entry);
		action_free(a);
	}
}

int
action_list_has(const struct action_list *list, enum action_kind kind)
{
	const struct action	*a;

	TAILQ_FOREACH(a, list, entry)
		if (a->kind == kind)
			return 1;
	return 0;
}
