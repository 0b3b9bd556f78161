/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include "session/parts.h"

#define BIT_RANGE(from, to)	((EV_BIT(to) | (EV_BIT(to) - 1)) & ~(EV_BIT(from) - 1))

/* What may still come of this message, or of this session, after an event. */
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

/* What the handler at an index would still be asked, told or answered for. */
static unsigned int
still_wants(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);
	const struct hstate		*state = &s->h[index];

	if (state->missing != NULL)
		return outcome_refuses(&h->on_failure) && !h->shadow ? EV_BIT(EV_MAIL) : 0;
	if (state->excluded || (state->excluded_auth && s->message != NULL))
		return 0;
	if (state->accepted_session)
		return handler_events(h) & EV_BIT(EV_DISCONNECT);
	if (state->large)
		return state->large_due ? EV_BIT(EV_END_OF_MESSAGE) : 0;
	if (state->accepted_message)
		return 0;
	if (h->max_message > 0 && outcome_refuses(&h->on_large))
		return handler_events(h) | EV_BIT(EV_END_OF_MESSAGE);
	return handler_events(h);
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
	    (s->message != NULL && (s->message->nkept > 0 || s->message->too_many)))
		return 0;
	for (i = 0; i < s->nh; i++)
		if ((still_wants(s, i) & later_events(ev)) != 0)
			return 0;
	return 1;
}

int
wants_no_body(const struct session *s)
{
	const struct handler_conf	*h;
	const struct hstate		*state;
	unsigned int			 i;
	int				 skipped = 0;

	for (i = 0; i < s->nh; i++) {
		h = session_handler(s, i);
		state = &s->h[i];
		if (state->missing != NULL || state->accepted_message ||
		    state->accepted_session || state->excluded || state->excluded_auth ||
		    state->large)
			continue;
		/* How large the message is must be known to the end; or all of it. */
		if (h->max_message > 0 || handler_wants_message(h))
			return 0;
		if ((handler_events(h) & EV_BIT(EV_BODY)) == 0)
			continue;
		if (!state->skip_body)
			return 0;
		skipped = 1;
	}
	return skipped;
}
