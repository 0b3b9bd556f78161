/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "block/block.h"
#include "base/log.h"
#include "session/parts.h"

void
ask_begin(struct session *s, enum event_kind ev, int wire)
{
	current_clear(&s->cur);
	s->cur.event = ev;
	s->cur.wire = wire;
	s->cur.index = 0;
	s->cur.number = ++s->nevents;
	/* The macros of the next message may be here before the old one's abort. */
	if (ev != EV_ABORT && s->ids_stale)
		session_update_ids(s);
}

static int
in_message(enum event_kind ev)
{
	return ev != EV_CONNECT && ev != EV_HELO && ev != EV_UNKNOWN && ev != EV_DISCONNECT;
}

/* 1 if the handler at an index has said that it wants no more of this. */
static int
has_left(const struct hstate *h, enum event_kind ev)
{
	if (h->accepted_session)
		return ev != EV_DISCONNECT;
	if (ev == EV_HEADER && h->skip_header)
		return 1;
	if (ev == EV_BODY && h->skip_body)
		return 1;
	return h->accepted_message;
}

/* A piece of the body may be empty for one handler and not for another. */
static int
has_payload(const struct session *s, unsigned int index)
{
	return s->cur.event != EV_BODY ||
	    block_payload(s, session_handler(s, index))->len > 0;
}

/* Why nothing of this is the business of the handler at an index, if so. */
static enum ask_why
why_out(const struct session *s, unsigned int index)
{
	const struct hstate	*h = &s->h[index];

	if (h->missing != NULL)
		return ASK_MISSING;
	if (h->excluded)
		return ASK_CLIENT;
	if (h->excluded_auth)
		return ASK_AUTHENTICATED;
	if (h->large)
		return ASK_LARGE;
	if (has_left(h, s->cur.event))
		return ASK_LEFT;
	return has_payload(s, index) ? ASK_YES : ASK_EMPTY;
}

static enum ask_why
why_not_asked(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (((h->events | h->optional_events) & EV_BIT(s->cur.event)) == 0)
		return ASK_UNWANTED;
	return why_out(s, index);
}

/* Of a recipient that the MTA refused only those are told who want that. */
static enum ask_why
why_not_told(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if ((h->reports & EV_BIT(s->cur.event)) == 0)
		return ASK_UNWANTED;
	if (s->h[index].failed)
		return ASK_FAILED;
	if (s->cur.rejected && !h->rejected_recipients)
		return ASK_REJECTED;
	return why_out(s, index);
}

static void
watched(const struct session *s, unsigned int index, int report, enum ask_why why)
{
	if (s->watch != NULL)
		s->watch(s, index, report, why);
}

static uint32_t
time_limit(const struct session *s, const struct handler_conf *h, int report)
{
	if (!report && s->cur.event == EV_END_OF_MESSAGE)
		return s->conf->message_timeout;
	return h->timeout;
}

/* Nothing can follow in this scope: the process may know that at once. */
static int
is_last(const struct session *s, const struct handler_conf *h)
{
	return s->cur.event == EV_END_OF_MESSAGE && h->scope == SCOPE_MESSAGE &&
	    (h->reports & EV_BIT(EV_ABORT)) == 0;
}

static void
encode(struct session *s, unsigned int index, struct task *t)
{
	const struct handler_conf	*h = session_handler(s, index);
	int				 begins = 1, lasts = scope_enter(s, index, &begins);

	t->begins = begins;
	t->ends = !lasts || is_last(s, h);
	t->scope = lasts ? s->h[index].scope : 0;
	if (h->input_message)
		keep_give(s, index, t);
	else
		block_encode(s, index, t);
	if (t->begins && !h->reuse)
		block_environment(s, t, 1, &t->env);
	if (!buf_ok(&t->block) || !buf_ok(&t->env))
		fatalx("a block of %s is larger than it can be", s->id);
	if (lasts && t->ends)
		s->h[index].in_scope = 0;
}

static struct spool *
files(const struct session *s, const struct handler_conf *h)
{
	if (!h->spool || s->cur.event != EV_END_OF_MESSAGE)
		return NULL;
	if (s->message->store == NULL)
		fatalx("handler %s is told of a message that was not kept", h->name);
	return spool_new(h, s->message->store, s->message->id);
}

enum purpose { ASK, ASK_SHADOW, REPORT };

static void
queue(struct session *s, unsigned int index, enum purpose purpose)
{
	struct task	*t = task_new();

	t->session = s;
	t->index = index;
	t->handler = s->listen->handlers[index];
	t->event = s->cur.event;
	t->report = purpose == REPORT;
	t->shadow = purpose == ASK_SHADOW;
	t->message_no = s->message == NULL ? 0 : s->message->number;
	t->timeout = time_limit(s, session_handler(s, index), t->report);
	memcpy(t->ids, s->ids, sizeof(t->ids));
	t->spool = files(s, session_handler(s, index));
	encode(s, index, t);
	TAILQ_INSERT_TAIL(&s->h[index].tasks, t, in_session);
	s->ntasks++;
	s->task_bytes += t->block.len + t->env.len;
}

/* A handler that can't work on this connection answers for itself at MAIL. */
static int
answer_for_missing(struct session *s, unsigned int index)
{
	const struct outcome	*o = &session_handler(s, index)->on_failure;

	if (s->h[index].missing == NULL || s->cur.event != EV_MAIL || !outcome_refuses(o) ||
	    session_handler(s, index)->shadow)
		return 0;
	/* The failure itself was logged when the connection began. */
	verdict_refuse(s, (int)index, verdict_of_outcome(o, EV_MAIL), &o->smtp);
	return 1;
}

/* What it is to be given could not be kept. Returns 1 if the event is refused. */
static int
answer_for_store(struct session *s, unsigned int index, const char *why)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (!h->shadow)
		return verdict_fail(s, index, &h->on_overload, "on-overload", why);
	log_msg(LOG_WARNING, s->ids, "handler %s: %s: %s; shadow, on-overload would be %s",
	    h->name, event_name(s->cur.event), why,
	    verdict_name(verdict_of_outcome(&h->on_overload, s->cur.event)));
	return 0;
}

/* Returns 1 if the event is refused, 0 to go on, -1 if the handler was asked. */
static int
ask_one(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);
	enum ask_why			 why = why_not_asked(s, index);
	const char			*problem;

	watched(s, index, 0, why);
	if (answer_for_missing(s, index) || exclude_answer(s, index))
		return 1;
	if (why != ASK_YES)
		return 0;
	/* A trial has its turn also when the time is over. */
	if (!s->h[index].failed && (h->shadow || !s->late) &&
	    (problem = keep_problem(s, index)) != NULL)
		return answer_for_store(s, index, problem);
	if (h->shadow) {
		if (!s->h[index].failed)
			queue(s, index, ASK_SHADOW);
		return 0;
	}
	if (s->h[index].failed)
		return verdict_failed_before(s, index);
	if (s->late)
		return verdict_fail(s, index, &h->on_timeout, "on-timeout",
		    "no time was left to ask it");
	s->cur.asked = (int)index;
	queue(s, index, ASK);
	return -1;
}

enum step
ask_next(struct session *s, struct buf *out)
{
	int	 r;

	if (in_message(s->cur.event) && s->message == NULL)
		return answer_event(s, out);
	if (s->message != NULL && s->message->too_many && s->cur.event > EV_RCPT &&
	    s->cur.event != EV_UNKNOWN &&
	    (s->neg->no_reply & EV_BIT(s->cur.event)) == 0) {
		verdict_refuse_recipients(s);
		return answer_event(s, out);
	}
	while (s->cur.index < s->nh) {
		r = ask_one(s, s->cur.index++);
		if (r == -1) {
			current_keep(&s->cur);
			return STEP_WAIT;
		}
		if (r == 1)
			break;
	}
	return answer_event(s, out);
}

void
ask_report(struct session *s)
{
	enum ask_why	 why;
	unsigned int	 i;

	if (in_message(s->cur.event) && s->message == NULL)
		return;
	for (i = 0; i < s->nh; i++) {
		why = why_not_told(s, i);
		watched(s, i, 1, why);
		if (why == ASK_YES)
			queue(s, i, REPORT);
	}
}
