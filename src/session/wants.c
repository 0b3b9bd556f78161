/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/wants.c: do handlers want anything more of a message, or of a session?
 */
#include "base/compat.h"

#include "config/handler_conf.h"
#include "session/wants.h"
#include "session/who.h"

#define BIT_RANGE(from, to)	((EV_BIT(to) | (EV_BIT(to) - 1)) & ~(EV_BIT(from) - 1))

/* EV_BITs of the events that may follow an event in its message, or in its session. */
static unsigned int
later_events(enum event_kind ev)
{
	unsigned int	 any = EV_BIT(EV_UNKNOWN) | EV_BIT(EV_ABORT);

	if (ev == EV_CONNECT || ev == EV_HELO)
		return (EV_BIT(EV_COUNT) - 1) & ~EV_BIT(EV_CONNECT);
	if (ev == EV_MAIL || ev == EV_END_OF_HEADERS)
		ev++;
	return any | BIT_RANGE(ev, EV_END_OF_MESSAGE);
}

/* The events of a handler that is there, and those at which max-message may make it refuse. */
static unsigned int
events_of(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (s->h[index].accepted_session)
		return conf_handler_events(h) & EV_BIT(EV_DISCONNECT);
	if (h->max_message > 0 && conf_outcome_refuses(&h->on_large))
		return conf_handler_events(h) | EV_BIT(EV_END_OF_MESSAGE);
	return conf_handler_events(h);
}

/* EV_BITs of the events that the handler at an index still has a part in. */
static unsigned int
wanted_events(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	switch (session_absence(s, index)) {
	case ASK_MISSING:
		return conf_outcome_refuses(&h->on_failure) && !h->shadow ? EV_BIT(EV_MAIL) : 0;
	case ASK_AUTHENTICATED:
		/* Each MAIL decides it: before the next one it does not count. */
		return s->message == NULL ? events_of(s, index) : 0;
	case ASK_LARGE:
		return s->h[index].large_due ? EV_BIT(EV_END_OF_MESSAGE) : 0;
	case ASK_LEFT_SESSION:
	case ASK_YES:
		return events_of(s, index);
	default:
		return 0;
	}
}

static int
anybody_accepted(const struct session *s)
{
	unsigned int	 i;

	for (i = 0; i < s->nh; i++)
		if (s->h[i].accepted_session || s->h[i].accepted_message)
			return 1;
	return 0;
}

int
wants_nothing_more(const struct session *s)
{
	enum event_kind	 ev = s->cur.event;
	unsigned int	 i;

	if (!anybody_accepted(s) || ev == EV_UNKNOWN || ev == EV_END_OF_MESSAGE ||
	    (s->message != NULL && (s->message->nkept > 0 || s->message->refusal != REFUSAL_NONE)))
		return 0;
	for (i = 0; i < s->nh; i++)
		if ((wanted_events(s, i) & later_events(ev)) != 0)
			return 0;
	return 1;
}

int
wants_no_body(const struct session *s)
{
	const struct handler_conf	*h;
	unsigned int			 i;
	int				 skipped = 0;

	for (i = 0; i < s->nh; i++) {
		if (session_absence(s, i) != ASK_YES)
			continue;
		h = session_handler(s, i);
		/* The size of the message, or all of it, must be known at its end. */
		if (h->max_message > 0 || conf_handler_wants_message(h))
			return 0;
		if ((conf_handler_events(h) & EV_BIT(EV_BODY)) == 0)
			continue;
		if (!s->h[i].skip_body)
			return 0;
		skipped = 1;
	}
	return skipped;
}
