/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * conf_lists.c: options of a handler that are lists.
 */
#include "compat.h"

#include <stdlib.h>
#include <string.h>

#include "conf_build.h"
#include "conf_value.h"
#include "xmalloc.h"

void
set_command(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;
	size_t			 i;

	if (h->command != NULL)
		return;
	if (st->nvalues == 0 || st->values[0].text[0] == '\0') {
		conf_error(b->errors, st->line, "%s: expected a program and its arguments",
		    st->name);
		return;
	}
	h->command = xcalloc(st->nvalues + 1, sizeof(*h->command));
	for (i = 0; i < st->nvalues; i++)
		h->command[i] = xstrdup(st->values[i].text);
}

/* Names that by_name() knows, as bits; all is what may be named here. */
static unsigned int
name_bits(struct build *b, const struct conf_stmt *st, int (*by_name)(const char *),
    unsigned int all, const char *expected)
{
	const struct conf_value	*v;
	unsigned int		 bits = 0;
	size_t			 i;
	int			 n;

	for (i = 0; i < st->nvalues; i++) {
		v = &st->values[i];
		n = by_name(v->text);
		if (n == -1 || (all & 1u << n) == 0)
			conf_error(b->errors, v->line, "%s: \"%s\": %s", st->name, v->text,
			    expected);
		else if (bits & 1u << n)
			conf_error(b->errors, v->line, "%s: \"%s\" is named twice; expected "
			    "once", st->name, v->text);
		else
			bits |= 1u << n;
	}
	return bits;
}

static unsigned int
event_bits(struct build *b, const struct conf_stmt *st)
{
	struct conf_stmt	 rest = *st;
	unsigned int		 bits;
	size_t			 i;
	int			 n;

	/* These two have an explanation of their own; the others follow. */
	rest.values = xcalloc(st->nvalues + 1, sizeof(*rest.values));
	for (i = rest.nvalues = 0; i < st->nvalues; i++) {
		n = event_by_name(st->values[i].text);
		if (n == EV_ABORT || n == EV_DISCONNECT)
			conf_error(b->errors, st->values[i].line, "%s: nobody waits for an "
			    "answer to \"%s\"; expected it in `reports'", st->name,
			    st->values[i].text);
		else
			rest.values[rest.nvalues++] = st->values[i];
	}
	bits = name_bits(b, &rest, event_by_name, EV_ANSWERABLE, "expected connect, helo, "
	    "mail, rcpt, data, header, end-of-headers, body, end-of-message or unknown");
	free(rest.values);
	return bits;
}

void
set_events(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	h->events = event_bits(b, st);
}

void
set_optional_events(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	h->optional_events = event_bits(b, st);
}

void
set_reports(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	h->reports = name_bits(b, st, event_by_name, EV_BIT(EV_COUNT) - 1,
	    "expected connect, helo, mail, rcpt, data, header, end-of-headers, body, "
	    "end-of-message, unknown, abort or disconnect");
}

static unsigned int
action_bits(struct build *b, const struct conf_stmt *st)
{
	struct conf_stmt	 rest = *st;
	unsigned int		 bits;
	size_t			 i;

	rest.values = xcalloc(st->nvalues + 1, sizeof(*rest.values));
	for (i = rest.nvalues = 0; i < st->nvalues; i++) {
		if (action_by_name(st->values[i].text) >= ACT_MTA_COUNT)
			conf_error(b->errors, st->values[i].line, "%s: \"%s\" is always "
			    "allowed; it need not be listed", st->name, st->values[i].text);
		else
			rest.values[rest.nvalues++] = st->values[i];
	}
	bits = name_bits(b, &rest, action_by_name, ACT_ALL_MTA, "expected add-header, "
	    "insert-header, change-header, delete-header, change-sender, add-recipient, "
	    "delete-recipient, replace-body or quarantine");
	free(rest.values);
	return bits;
}

void
set_actions(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	h->actions_named = 1;
	h->actions = action_bits(b, st);
}

void
set_optional_actions(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	h->actions_named = 1;
	h->optional_actions = action_bits(b, st);
}

void
set_lines(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;

	h->lines = name_bits(b, st, line_by_name, LINES_ALL, "expected client-host, "
	    "client-family, client-address, client-port, helo, sender, sender-domain, "
	    "sender-argument, recipient, recipient-domain, recipient-argument, recipients, "
	    "recipient-refused, macro, context or context-unset");
}

void
set_macros(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;
	const char		*why;
	size_t			 i;

	for (i = 0; i < st->nvalues; i++)
		if (value_macros(st->values[i].text, h->macros, &why) == -1)
			conf_error(b->errors, st->values[i].line, "%s: \"%s\": %s", st->name,
			    st->values[i].text, why);
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
set_on_exit(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;
	struct exit_rule	 rule;
	const char		*why;
	size_t			 i;

	memset(&rule, 0, sizeof(rule));
	for (i = 0; i < st->nvalues; i++) {
		if (value_exit_rule(st->values[i].text, &rule, &why) == -1) {
			conf_error(b->errors, st->values[i].line, "%s: \"%s\": %s", st->name,
			    st->values[i].text, why);
			continue;
		}
		if (has_rule(h, rule.status)) {
			conf_error(b->errors, st->values[i].line, "%s: \"%s\": this status "
			    "was given before; expected it once", st->name,
			    st->values[i].text);
			smtp_reply_free(&rule.outcome.smtp);
			continue;
		}
		h->on_exit = xreallocarray(h->on_exit, h->non_exit + 1, sizeof(rule));
		h->on_exit[h->non_exit++] = rule;
	}
}

void
set_environment(struct build *b, void *target, const struct conf_stmt *st)
{
	struct handler_conf	*h = target;
	struct env_setting	 set;
	const char		*why;
	size_t			 i, j;
	int			 result;

	for (i = 0; i < st->nvalues; i++) {
		result = value_environment(st->values[i].text, &set, &why);
		if (result == -1)
			conf_error(b->errors, st->values[i].line, "%s: \"%s\": %s", st->name,
			    st->values[i].text, why);
		if (result != 0)
			continue;
		for (j = 0; j < h->nenvironment; j++)
			if (strcmp(h->environment[j].name, set.name) == 0)
				conf_error(b->errors, st->values[i].line, "%s: %s is set "
				    "twice; expected once", st->name, set.name);
		h->environment = xreallocarray(h->environment, h->nenvironment + 1,
		    sizeof(set));
		h->environment[h->nenvironment++] = set;
	}
}
