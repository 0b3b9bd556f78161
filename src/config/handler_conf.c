/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/handler_conf.c: what follows from the options of one handler. Pure.
 */
#include "base/compat.h"

#include "config/handler_conf.h"

/* Events whose reply may have actions for the message. */
#define ACTING_EVENTS	(CONF_MESSAGE_EVENTS & EV_ANSWERABLE)

/* Actions that turn one message into another. */
#define REWRITING_ACTIONS (ACT_BIT(ACT_INSERT_HEADER) | ACT_BIT(ACT_CHANGE_HEADER) | \
			    ACT_BIT(ACT_DELETE_HEADER) | ACT_BIT(ACT_REPLACE_BODY))

#define LINES_SENDER	(LINE_BIT(LINE_SENDER) | LINE_BIT(LINE_SENDER_DOMAIN) | \
			    LINE_BIT(LINE_SENDER_ARGUMENT))

int
conf_outcome_refuses(const struct outcome *o)
{
	return o->verdict != VD_CONTINUE && o->verdict != VD_ACCEPT;
}

unsigned int
conf_handler_answers(const struct handler_conf *h)
{
	return h->events | h->optional_events;
}

unsigned int
conf_handler_events(const struct handler_conf *h)
{
	return conf_handler_answers(h) | h->reports;
}

int
conf_handler_wants_message(const struct handler_conf *h)
{
	return h->input_message || h->spool;
}

unsigned int
conf_handler_actions(const struct handler_conf *h)
{
	if ((conf_handler_answers(h) & ACTING_EVENTS) == 0 || h->output == OUTPUT_NONE)
		return 0;
	if (h->actions_named)
		return h->actions | h->optional_actions;
	return h->output == OUTPUT_MESSAGE ? REWRITING_ACTIONS : ACT_ALL_MTA;
}

static unsigned int
own_lines(enum event_kind ev)
{
	switch (ev) {
	case EV_CONNECT:
		return LINES_CLIENT;
	case EV_HELO:
		return LINE_BIT(LINE_HELO);
	case EV_MAIL:
		return LINES_SENDER;
	case EV_RCPT:
		return LINES_RECIPIENT;
	default:
		return 0;
	}
}

unsigned int
conf_handler_lines(const struct handler_conf *h, enum event_kind ev)
{
	return h->lines | own_lines(ev);
}
