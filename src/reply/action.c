/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/action.c: the arguments of an action line.
 */
#include "base/compat.h"

#include <string.h>

#include "milter/proto.h"
#include "reply/action.h"
#include "reply/argument.h"
#include "base/xmalloc.h"

static const char *
check_header_size(const struct action *a)
{
	/* The packet has an index, a space before the value and two NULs. */
	if (strlen(a->name) + strlen(a->value) + 4 + 1 + 2 > MILTER_MAX_DATA)
		return "header too long";
	return NULL;
}

static const char *
parse_add_header(char *rest, struct action *a)
{
	const char	*why;

	if ((why = reply_arg_header_name(reply_arg_word(&rest), &a->name)) != NULL ||
	    (why = reply_arg_header_value(rest, &a->value)) != NULL)
		return why;
	return check_header_size(a);
}

static const char *
parse_insert_header(char *rest, struct action *a)
{
	const char	*why;

	if ((why = reply_arg_index(reply_arg_word(&rest), &a->index)) != NULL)
		return why;
	return parse_add_header(rest, a);
}

static const char *
parse_header_index(const char *word, struct action *a)
{
	const char	*why;

	if ((why = reply_arg_index(word, &a->index)) != NULL)
		return why;
	return a->index == 0 ? "expected an index of 1 or more" : NULL;
}

static const char *
parse_change_header(char *rest, struct action *a)
{
	const char	*why;

	if ((why = reply_arg_header_name(reply_arg_word(&rest), &a->name)) != NULL ||
	    (why = parse_header_index(reply_arg_word(&rest), a)) != NULL ||
	    (why = reply_arg_header_value(rest, &a->value)) != NULL)
		return why;
	if (a->value[0] == '\0')
		return "expected a value: delete-header is what deletes";
	return check_header_size(a);
}

static const char *
parse_delete_header(char *rest, struct action *a)
{
	const char	*why;

	if ((why = reply_arg_header_name(reply_arg_word(&rest), &a->name)) != NULL)
		return why;
	if (strlen(a->name) + 4 + 2 > MILTER_MAX_DATA)
		return "header too long";
	return rest == NULL ? NULL : parse_header_index(rest, a);
}

static const char *
parse_change_sender(char *rest, struct action *a)
{
	return reply_arg_address(rest, 1, &a->value, &a->args);
}

static const char *
parse_add_recipient(char *rest, struct action *a)
{
	return reply_arg_address(rest, 0, &a->value, &a->args);
}

/* Any bytes are allowed: the address is only compared with those that the MTA sent. */
static const char *
parse_delete_recipient(char *rest, struct action *a)
{
	if (rest == NULL || *rest == '\0')
		return "expected an address";
	return reply_arg_text(rest, &a->value);
}

static const char *
parse_quarantine(char *rest, struct action *a)
{
	return reply_arg_reason(rest, &a->value);
}

static const char *
parse_nothing(char *rest, struct action *a __unused)
{
	return rest == NULL ? NULL : "expected nothing after this word";
}

static const char *
parse_set(char *rest, struct action *a)
{
	const char	*why;

	if ((why = reply_arg_context_name(reply_arg_word(&rest), &a->name)) != NULL)
		return why;
	return rest == NULL ? "expected a value" : reply_arg_text(rest, &a->value);
}

static const char *
parse_unset(char *rest, struct action *a)
{
	return reply_arg_context_name(rest, &a->name);
}

static const char *
parse_log(char *rest, struct action *a)
{
	if (rest == NULL) {
		a->value = xstrdup("");
		return NULL;
	}
	return reply_arg_text(rest, &a->value);
}

static const char *(*const parsers[ACT_COUNT])(char *, struct action *) = {
	[ACT_ADD_HEADER] = parse_add_header,
	[ACT_INSERT_HEADER] = parse_insert_header,
	[ACT_CHANGE_HEADER] = parse_change_header,
	[ACT_DELETE_HEADER] = parse_delete_header,
	[ACT_CHANGE_SENDER] = parse_change_sender,
	[ACT_ADD_RECIPIENT] = parse_add_recipient,
	[ACT_DELETE_RECIPIENT] = parse_delete_recipient,
	[ACT_QUARANTINE] = parse_quarantine,
	[ACT_PROGRESS] = parse_nothing,
	[ACT_SET] = parse_set,
	[ACT_SET_MESSAGE] = parse_set,
	[ACT_UNSET] = parse_unset,
	[ACT_LOG] = parse_log,
};

const char *
reply_action_parse(enum action_kind kind, char *rest, struct action *a)
{
	return parsers[kind](rest, a);
}
