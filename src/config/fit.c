/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/fit.c: checks options of a handler that need another option, or exclude it.
 */
#include "base/compat.h"

#include <stdio.h>

#include "config/build.h"

/* Tells each name that is in both lists, once. */
static void
check_twice(struct build *b, const struct conf_node *sec, const char *a, unsigned int abits,
    const char *other, unsigned int bbits, int actions)
{
	const struct conf_node	*st = conf_tree_find(sec, other);
	unsigned int		 n, both = abits & bbits;

	for (n = 0; both >> n != 0; n++)
		if (both & 1u << n)
			conf_error(b->errors, st == NULL ? sec->at : st->at,
			    "%s: \"%s\" is in `%s' too; expected it in one of them", other,
			    actions ? action_name(n) : event_name(n), a);
}

static void
check_beside_hooks(struct build *b, const struct conf_node *sec)
{
	static const char *const names[] = { "command", "events", "reports",
	    "optional-events", "input", "output", "received", "idle-timeout", "max-uses" };
	const struct conf_node	*st;
	size_t			 i;

	for (i = 0; i < nitems(names); i++)
		if ((st = conf_tree_find(sec, names[i])) != NULL)
			conf_error(b->errors, st->at, "%s: can't stand with `hooks'; "
			    "expected one of the two", names[i]);
}

static void
check_lists(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	check_twice(b, sec, "events", h->events, "optional-events", h->optional_events, 0);
	check_twice(b, sec, "events", h->events, "reports", h->reports, 0);
	check_twice(b, sec, "optional-events", h->optional_events, "reports", h->reports, 0);
}

static int
has_events(const struct conf_node *sec)
{
	static const char *const names[] = { "events", "reports", "optional-events" };
	const struct conf_node	*st;
	size_t			 i;

	for (i = 0; i < nitems(names); i++)
		if ((st = conf_tree_find(sec, names[i])) != NULL && st->nparts != 0)
			return 1;
	return 0;
}

static void
check_events(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	if (conf_tree_find(sec, "command") == NULL)
		conf_error(b->errors, sec->at, "handler %s: expected `command' or `hooks'",
		    h->name);
	else if (!has_events(sec) && !h->input_message && b->base != NULL)
		conf_error(b->errors, sec->at, "handler %s: expected events: -e, or -o with "
		    "`reports', `optional-events' or `input = message'", h->name);
	else if (!has_events(sec) && !h->input_message)
		conf_error(b->errors, sec->at, "handler %s: expected `events', `reports', "
		    "`optional-events' or `input = message' with its `command'", h->name);
}

/* Tells that an option has a value which another option forbids. */
static void
misfit(struct build *b, const struct conf_node *sec, const char *name, const char *expected)
{
	const struct conf_node	*st = conf_tree_find(sec, name);

	conf_error(b->errors, st == NULL ? sec->at : st->at, "%s: expected %s", name,
	    expected);
}

/* A hook is a process for one event. */
static void
check_one_event(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	if (h->scope != SCOPE_EVENT)
		misfit(b, sec, "scope", "event with `hooks'");
	if (h->reuse)
		misfit(b, sec, "reuse", "no with `hooks'");
	if (h->concurrency != 1)
		misfit(b, sec, "concurrency", "1 with `hooks'");
	if (h->processes_min != 0)
		misfit(b, sec, "processes-min", "0 with `hooks'");
	if (h->rejected_recipients)
		misfit(b, sec, "rejected-recipients", "no with `hooks', which have no "
		    "report of rcpt");
}

static void
check_pool(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	static const char *const names[] = { "idle-timeout", "max-uses" };
	char			 expected[64];
	size_t			 i;

	if (h->concurrency > 1 && !h->reuse)
		misfit(b, sec, "concurrency", "`reuse = yes' with more than 1");
	if (h->processes_min > h->processes) {
		(void)snprintf(expected, sizeof(expected), "%u, the number of `processes', at "
		    "most", h->processes);
		misfit(b, sec, "processes-min", expected);
	}
	if (h->reuse || h->processes_min != 0)
		return;
	for (i = 0; i < nitems(names); i++)
		if (conf_tree_find(sec, names[i]) != NULL)
			misfit(b, sec, names[i], "`reuse = yes', without which it has no effect");
}

static void
check_asked(struct build *b, const struct conf_node *sec, const struct handler_conf *h,
    int hooks)
{
	if (h->shadow && h->reports != 0 && (h->events | h->optional_events) == 0)
		misfit(b, sec, "shadow", hooks ? "a hook that answers; here are reports only" :
		    "`events' or `optional-events'; reports have no answer");
	if (!hooks && h->rejected_recipients && (h->reports & EV_BIT(EV_RCPT)) == 0)
		misfit(b, sec, "rejected-recipients", "rcpt in `reports'");
	if (conf_tree_find(sec, "on-large") != NULL && h->max_message == 0)
		misfit(b, sec, "on-large", "`max-message' with a size");
}

/* This is no error: event-timeout may be meant as a limit for all handlers. */
static void
check_timeout(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	const struct conf_node	*st = conf_tree_find(sec, "timeout");
	unsigned int		 within = h->events | h->optional_events;

	if (st != NULL && (within & ~EV_BIT(EV_END_OF_MESSAGE)) != 0 && !h->shadow &&
	    h->timeout > b->conf->event_timeout)
		conf_warning(b->errors, st->at, "timeout: %gs is more than event-timeout, %gs, "
		    "which holds for all events but end-of-message",
		    h->timeout / 1000.0, b->conf->event_timeout / 1000.0);
}

/* The files are removed when the process has replied, or when it ends with the message. */
static void
check_spool(struct build *b, const struct conf_node *sec, const struct handler_conf *h,
    int hooks)
{
	if (!h->spool)
		return;
	if (((h->events | h->optional_events | h->reports) & EV_BIT(EV_END_OF_MESSAGE)) == 0)
		misfit(b, sec, "spool", hooks ? "a hook `end-of-message' with `yes'" :
		    "end-of-message in `events' or `reports' with `yes'");
	if ((h->reports & EV_BIT(EV_END_OF_MESSAGE)) != 0 &&
	    (h->reuse || h->scope == SCOPE_SESSION))
		misfit(b, sec, "spool", "end-of-message in `events' and not in `reports' of a "
		    "process that outlives the message: only an answer says that the files can go");
}

/* The input of this handler is one message, so it can be asked about nothing else. */
static void
check_message(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	if (h->events != EV_BIT(EV_END_OF_MESSAGE))
		misfit(b, sec, "events", "end-of-message alone with `input = message'");
	if (h->optional_events != 0)
		misfit(b, sec, "optional-events", "none with `input = message'");
	if (h->reports != 0)
		misfit(b, sec, "reports", "none with `input = message'");
	if (h->scope != SCOPE_EVENT)
		misfit(b, sec, "scope", "event with `input = message'");
	if (h->reuse)
		misfit(b, sec, "reuse", "no with `input = message'");
}

static void
check_input(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	if (h->input_message)
		check_message(b, sec, h);
	else if (h->received)
		misfit(b, sec, "received", "no, or `input = message'");
	if (h->output == OUTPUT_MESSAGE && !h->input_message)
		misfit(b, sec, "output", "`input = message' with message");
	if (h->output == OUTPUT_NONE && (h->reuse || h->scope != SCOPE_EVENT))
		misfit(b, sec, "output", "reply of a process that is asked more than once, as "
		    "its exit status is not an answer");
}

void
conf_check_fit(struct build *b, const struct conf_node *sec, const struct handler_conf *h)
{
	int	 hooks = conf_tree_find(sec, "hooks") != NULL;

	check_twice(b, sec, "actions", h->actions, "optional-actions", h->optional_actions, 1);
	check_asked(b, sec, h, hooks);
	check_timeout(b, sec, h);
	check_spool(b, sec, h, hooks);
	if (hooks) {
		check_beside_hooks(b, sec);
		check_one_event(b, sec, h);
	} else {
		check_lists(b, sec, h);
		check_events(b, sec, h);
		check_input(b, sec, h);
		check_pool(b, sec, h);
	}
}
