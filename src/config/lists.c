/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/lists.c: options of a handler that are lists.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "config/value.h"
#include "base/xmalloc.h"

void
conf_set_command(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;
	size_t			 i;

	if (h->command != NULL)
		return;
	if (st->nparts == 0 || st->parts[0].text[0] == '\0') {
		conf_error(b->errors, st->at, "%s: expected a program and its arguments",
		    st->text);
		return;
	}
	h->command = xcalloc(st->nparts + 1, sizeof(*h->command));
	for (i = 0; i < st->nparts; i++)
		h->command[i] = xstrdup(st->parts[i].text);
}

static void
bad_value(struct build *b, const struct conf_node *st, const struct conf_node *v,
    const char *why)
{
	conf_error(b->errors, v->at, "%s: \"%s\": %s", st->text, v->text, why);
}

/* The names that a list may have. */
struct names {
	int		(*by_name)(const char *);
	unsigned int	 all;		/* bits of the names that may stand in it */
	const char	*expected;	/* in the message about an unknown name */
	const char	*elsewhere;	/* about another known name, or NULL */
};

static const struct names events = {
	event_by_name, EV_ANSWERABLE,
	"expected connect, helo, mail, rcpt, data, header, end-of-headers, body, "
	"end-of-message or unknown",
	"nobody waits for an answer to it; expected in `reports'"
};
static const struct names reports = {
	event_by_name, EV_BIT(EV_COUNT) - 1,
	"expected connect, helo, mail, rcpt, data, header, end-of-headers, body, "
	"end-of-message, unknown, abort or disconnect",
	NULL
};
static const struct names actions = {
	action_by_name, ACT_ALL_MTA,
	"expected add-header, insert-header, change-header, delete-header, change-sender, "
	"add-recipient, delete-recipient, replace-body or quarantine",
	"it is always allowed, and need not be listed"
};
static const struct names lines = {
	conf_line_by_name, LINES_ALL,
	"expected client-host, client-family, client-address, client-port, helo, sender, "
	"sender-domain, sender-argument, recipient, recipient-domain, recipient-argument, "
	"recipients, recipient-refused, macro, context or context-unset",
	NULL
};

/* Returns the bits of the names in the list. */
static unsigned int
name_bits(struct build *b, const struct conf_node *st, const struct names *names)
{
	const struct conf_node	*v;
	unsigned int		 bits = 0;
	size_t			 i;
	int			 n;

	for (i = 0; i < st->nparts; i++) {
		v = &st->parts[i];
		n = names->by_name(v->text);
		if (n == -1)
			bad_value(b, st, v, names->expected);
		else if ((names->all & 1u << n) == 0)
			bad_value(b, st, v, names->elsewhere);
		else if (bits & 1u << n)
			conf_error(b->errors, v->at, "%s: \"%s\" is named twice; expected "
			    "once", st->text, v->text);
		else
			bits |= 1u << n;
	}
	return bits;
}

void
conf_set_events(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	h->events = name_bits(b, st, &events);
}

void
conf_set_optional_events(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	h->optional_events = name_bits(b, st, &events);
}

void
conf_set_reports(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	h->reports = name_bits(b, st, &reports);
}

void
conf_set_actions(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	h->actions_named = 1;
	h->actions = name_bits(b, st, &actions);
}

void
conf_set_optional_actions(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	h->actions_named = 1;
	h->optional_actions = name_bits(b, st, &actions);
}

void
conf_set_lines(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;

	h->lines = name_bits(b, st, &lines);
}

void
conf_set_macros(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;
	const char		*why;
	size_t			 i;

	for (i = 0; i < st->nparts; i++)
		if (conf_value_macros(st->parts[i].text, h->macros, &why) == -1)
			bad_value(b, st, &st->parts[i], why);
}

static int
has_rule(const struct handler_conf *h, int status)
{
	size_t	 i;

	for (i = 0; i < h->non_exit; i++)
		if (h->on_exit[i].status == status)
			return 1;
	return 0;
}

void
conf_set_on_exit(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;
	struct exit_rule	 rule;
	const char		*why;
	size_t			 i;

	memset(&rule, 0, sizeof(rule));
	for (i = 0; i < st->nparts; i++) {
		if (conf_value_exit_rule(st->parts[i].text, &rule, &why) == -1) {
			bad_value(b, st, &st->parts[i], why);
			continue;
		}
		if (has_rule(h, rule.status)) {
			bad_value(b, st, &st->parts[i],
			    "this status was given before; expected it once");
			smtp_reply_free(&rule.outcome.smtp);
			continue;
		}
		h->on_exit = xreallocarray(h->on_exit, h->non_exit + 1, sizeof(rule));
		h->on_exit[h->non_exit++] = rule;
	}
}

void
conf_set_environment(struct build *b, void *target, const struct conf_node *st)
{
	struct handler_conf	*h = target;
	struct env_setting	 set;
	const char		*why;
	size_t			 i, j;
	int			 result;

	for (i = 0; i < st->nparts; i++) {
		result = conf_value_environment(st->parts[i].text, &set, &why);
		if (result == -1)
			bad_value(b, st, &st->parts[i], why);
		if (result != 0)
			continue;
		for (j = 0; j < h->nenvironment; j++)
			if (strcmp(h->environment[j].name, set.name) == 0)
				conf_error(b->errors, st->parts[i].at, "%s: %s is set "
				    "twice; expected once", st->text, set.name);
		h->environment = xreallocarray(h->environment, h->nenvironment + 1,
		    sizeof(set));
		h->environment[h->nenvironment++] = set;
	}
}
