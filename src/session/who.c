/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/who.c: which handlers are asked or told of the current event, and why not.
 */
#include "base/compat.h"

#include "block/block.h"
#include "config/handler_conf.h"
#include "session/who.h"

enum ask_why
session_absence(const struct session *s, unsigned int index)
{
	const struct hstate	*h = &s->h[index];

	if (h->missing != NULL)
		return ASK_MISSING;
	if (h->excluded)
		return ASK_CLIENT;
	if (h->excluded_auth)
		return ASK_AUTHENTICATED;
	if (h->accepted_session)
		return ASK_LEFT_SESSION;
	if (h->large)
		return ASK_LARGE;
	return h->accepted_message ? ASK_LEFT : ASK_YES;
}

/* 1 if the handler has had enough of events of this kind. */
static int
skips(const struct hstate *h, enum event_kind ev)
{
	return (ev == EV_HEADER && h->skip_header) || (ev == EV_BODY && h->skip_body);
}

/* A piece of the body may be empty for one handler and not for another. */
static int
has_payload(const struct session *s, unsigned int index)
{
	return s->cur.event != EV_BODY ||
	    block_payload(s, session_handler(s, index))->len > 0;
}

/* Why the current event is not for the handler at an index, whatever its events are. */
static enum ask_why
why_not(const struct session *s, unsigned int index)
{
	enum ask_why	 why = session_absence(s, index);

	/* The end of the session is told to a handler that has left it too. */
	if (why == ASK_LEFT_SESSION && s->cur.event == EV_DISCONNECT)
		why = ASK_YES;
	if (why != ASK_YES)
		return why;
	if (skips(&s->h[index], s->cur.event))
		return ASK_LEFT;
	return has_payload(s, index) ? ASK_YES : ASK_EMPTY;
}

enum ask_why
who_is_asked(const struct session *s, unsigned int index)
{
	if ((conf_handler_answers(session_handler(s, index)) & EV_BIT(s->cur.event)) == 0)
		return ASK_UNWANTED;
	return why_not(s, index);
}

/* Only handlers with rejected-recipients hear of recipients that the MTA itself refused. */
enum ask_why
who_is_told(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if ((h->reports & EV_BIT(s->cur.event)) == 0)
		return ASK_UNWANTED;
	if (s->h[index].failed)
		return ASK_FAILED;
	if (s->cur.rejected && !h->rejected_recipients)
		return ASK_REJECTED;
	return why_not(s, index);
}

void
who_show(const struct session *s, unsigned int index, int report, enum ask_why why)
{
	if (s->watch != NULL)
		s->watch(s, index, report, why);
}
