/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/names.c: checks the names in the tree: whether an option has that name, stands in
 * the right section, and stands there once.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "config/build.h"

static const struct {
	const struct option	*options;
	const char		*name, *expected, *elsewhere;
} sections[CONF_SECTIONS] = {
	{ conf_global_options, "pipemilter.conf", "an option, `listen' or `handler'",
	    "a global option, which stands outside of sections" },
	{ conf_listen_options, "listen", "an option of `listen'",
	    "an option of a `listen' section" },
	{ conf_handler_options, "handler", "an option of `handler'",
	    "an option of a `handler' section" }
};

int
conf_is_option(enum conf_kind section, const char *name)
{
	const struct option	*o;

	for (o = sections[section].options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return 1;
	return 0;
}

/* 1 if the name may be a piece of the value before it, which needs quotes. */
static int
is_piece(const struct build *b, const struct conf_node *name, const struct conf_node *before)
{
	struct conf_where	 here, there;

	if (name->sign == '=' || name->sign == '+' || before->kind != CONF_OPTION)
		return 0;
	conf_where(b->src, name->at, &here);
	conf_where(b->src, before->at, &there);
	return here.text == there.text;
}

static void
unknown_name(struct build *b, const struct conf_node *sec, const struct conf_node *name)
{
	enum conf_kind	 other = SEC_GLOBAL;

	while (other < CONF_SECTIONS && !conf_is_option(other, name->text))
		other++;
	if (name > sec->parts && is_piece(b, name, name - 1))
		conf_error(b->errors, name->at, "%s: unknown; expected an option of `%s'; if it "
		    "belongs to the value of %s: " CONF_QUOTE, name->text,
		    sections[sec->kind].name, name[-1].text);
	else if (other < CONF_SECTIONS)
		conf_error(b->errors, name->at, "%s: unknown here; it is %s", name->text,
		    sections[other].elsewhere);
	else if (sec->kind != SEC_GLOBAL && conf_section_kind(name->text) != SEC_GLOBAL)
		conf_error(b->errors, sec->at, "this { is never closed; expected }");
	else
		conf_error(b->errors, name->at, "%s: unknown; expected %s", name->text,
		    sections[sec->kind].expected);
}

/* Returns the first node of the section that has the kind and text of this one. */
static struct conf_node *
first_of(const struct conf_node *sec, const struct conf_node *n)
{
	struct conf_node	*other = sec->parts;

	while (other->kind != n->kind || strcmp(other->text, n->text) != 0)
		other++;
	return other;
}

static void
move_values(struct conf_node *from, struct conf_node *to)
{
	if (from->nparts > 0) {
		to->parts = xreallocarray(to->parts, to->nparts + from->nparts,
		    sizeof(*to->parts));
		memcpy(&to->parts[to->nparts], from->parts, from->nparts * sizeof(*to->parts));
	}
	to->nparts += from->nparts;
	from->nparts = 0;
	from->whole = 0;
}

static void
check_option(struct build *b, const struct conf_node *sec, struct conf_node *option)
{
	struct conf_node	*first = first_of(sec, option);

	if (!conf_is_option(sec->kind, option->text))
		unknown_name(b, sec, option);
	else if (option->sign != '=' && option->sign != '+')
		conf_error(b->errors, option->at, "missing equal sign after option '%s'",
		    option->text);
	else if (option->sign == '=' && first != option)
		conf_error(b->errors, option->at, "%s: given twice; expected once",
		    option->text);
	else if (first != option)
		move_values(option, first);
}

void
conf_check_names(struct build *b, struct conf_node *sec)
{
	struct conf_node	*n;
	size_t			 i;

	for (i = 0; i < sec->nparts && b->errors->nerrors < CONF_ERRORS_MAX; i++) {
		n = &sec->parts[i];
		if (n->kind == CONF_OPTION)
			check_option(b, sec, n);
		else if (first_of(sec, n) != n)
			conf_error(b->errors, n->at, "found duplicate title '%.231s'", n->text);
		if (n->kind != CONF_OPTION)
			conf_check_names(b, n);
	}
}
