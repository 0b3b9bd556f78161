/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/verdict.c: what the reply of a handler, or its failure, makes of an event.
 */
#include "base/compat.h"

#include <stdio.h>
#include <syslog.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "session/message.h"
#include "session/rewrite.h"
#include "session/scope.h"
#include "session/session.h"
#include "session/verdict.h"
#include "state/known.h"

enum verdict
verdict_of_outcome(const struct outcome *o, enum event_kind ev)
{
	if (verdict_fits(o->verdict, ev))
		return o->verdict;
	return o->verdict == VD_DISCARD ? VD_TEMPFAIL : VD_CONTINUE;
}

enum verdict
verdict_of_result(const struct task_result *r, enum event_kind ev)
{
	const struct outcome	 said = { .verdict = r->verdict };

	return r->verdict == VD_SKIP ? VD_SKIP : verdict_of_outcome(&said, ev);
}

static void
log_mended(const struct session *s, unsigned int index, const struct smtp_reply *said, int how)
{
	char	 code[16] = "";

	if (said->code != 0)
		snprintf(code, sizeof(code), "%d ", said->code);
	log_limited(session_handler(s, index)->name, "failures of handler", LOG_WARNING, s->ids,
	    "handler %s: its reply \"%s%s%s%s\" was mended:%s%s%s%s",
	    session_handler(s, index)->name, code, said->enhanced,
	    said->enhanced[0] == '\0' ? "" : " ", said->text == NULL ? "" : said->text,
	    how & SMTP_REPLY_BAD_CODE ? " wrong code" : "",
	    how & SMTP_REPLY_BAD_CLASS ? " wrong enhanced code" : "",
	    how & SMTP_REPLY_CUT ? " too long" : "",
	    how & SMTP_REPLY_BAD_BYTES ? " not printable ASCII" : "");
}

void
verdict_refuse(struct session *s, int index, enum verdict vd, const struct smtp_reply *smtp)
{
	struct current	*c = &s->cur;
	int		 how;

	c->verdict = vd;
	c->answered_by = index;
	if (vd != VD_DISCARD) {
		smtp_reply_copy(&c->smtp, smtp);
		how = smtp_reply_complete(vd, &c->smtp);
		if (how != 0 && index >= 0)
			log_mended(s, (unsigned int)index, smtp, how);
	}
	if (s->message != NULL)
		message_drop_event_actions(s->message, c->number);
}

void
verdict_refuse_for(struct session *s, enum refusal why)
{
	char			 many[] = "Too many recipients", memory[] = "Not enough memory";
	const struct smtp_reply	 too_many = { 452, "4.5.3", many };
	const struct smtp_reply	 no_memory = { 452, "4.3.1", memory };

	verdict_refuse(s, -1, VD_TEMPFAIL,
	    why == REFUSAL_MEMORY ? &no_memory : &too_many);
}

void
verdict_note_accept(struct session *s, unsigned int index, enum event_kind ev)
{
	const struct handler_conf	*h = session_handler(s, index);
	int				 over;

	if (ev == EV_CONNECT || ev == EV_HELO) {
		s->h[index].accepted_session = 1;
		over = (h->reports & EV_BIT(EV_DISCONNECT)) == 0;
	} else {
		s->h[index].accepted_message = 1;
		over = h->scope == SCOPE_MESSAGE;
	}
	if (over)
		scope_end(s, index);
}

void
verdict_note_skip(struct session *s, unsigned int index, enum event_kind ev)
{
	if (ev == EV_HEADER)
		s->h[index].skip_header = 1;
	else
		s->h[index].skip_body = 1;
}

static enum turn
take_outcome(struct session *s, unsigned int index, const struct outcome *o)
{
	enum verdict	 vd = verdict_of_outcome(o, s->cur.event);

	if (vd == VD_ACCEPT)
		verdict_note_accept(s, index, s->cur.event);
	if (vd == VD_ACCEPT || vd == VD_CONTINUE)
		return TURN_PASSED;
	verdict_refuse(s, (int)index, vd, &o->smtp);
	return TURN_REFUSED;
}

enum turn
verdict_failed_before(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	log_msg(LOG_DEBUG, s->ids, "handler %s: %s: it has failed before; on-failure = %s",
	    h->name, event_name(s->cur.event),
	    verdict_name(verdict_of_outcome(&h->on_failure, s->cur.event)));
	return take_outcome(s, index, &h->on_failure);
}

enum turn
verdict_fail(struct session *s, unsigned int index, const struct outcome *o,
    const char *option, const char *why)
{
	enum verdict	 vd = verdict_of_outcome(o, s->cur.event);

	log_limited(session_handler(s, index)->name, "failures of handler", LOG_WARNING, s->ids,
	    "handler %s: %s: %s; %s = %s",
	    session_handler(s, index)->name, event_name(s->cur.event), why, option,
	    verdict_name(vd));
	if (s->message != NULL)
		message_drop_actions(s->message, index);
	session_scope_failed(s, index, s->h[index].scope);
	return take_outcome(s, index, o);
}

static int
is_for_context(const struct action *a)
{
	return a->kind == ACT_SET || a->kind == ACT_SET_MESSAGE || a->kind == ACT_UNSET;
}

/* Sets all that a reply sets; if that would be too much, nothing, and returns 0. */
static int
take_context(struct session *s, const struct action_list *actions)
{
	const struct action	*a;
	struct context		 next;

	TAILQ_FOREACH(a, actions, entry)
		if (is_for_context(a))
			break;
	if (a == NULL)
		return 1;
	context_copy(&next, &s->context);
	TAILQ_FOREACH(a, actions, entry) {
		if (a->kind == ACT_UNSET)
			context_unset(&next, a->name);
		else if (is_for_context(a))
			context_set(&next, a->name, a->value, a->kind == ACT_SET_MESSAGE);
	}
	if (next.bytes > s->conf->max_context) {
		context_clear(&next);
		return 0;
	}
	context_move(&s->context, &next);
	known_collect(s);
	return 1;
}

/* Keeps the actions for the MTA until the end of the message, and frees the others. */
static void
take_actions(struct session *s, unsigned int index, struct action_list *actions)
{
	struct action	*a;

	while ((a = TAILQ_FIRST(actions)) != NULL) {
		TAILQ_REMOVE(actions, a, entry);
		if (is_for_context(a) || s->message == NULL) {
			action_free(a);
			continue;
		}
		a->handler = index;
		a->event_no = s->cur.number;
		TAILQ_INSERT_TAIL(&s->message->kept, a, entry);
		s->message->nkept++;
	}
}

/* The handler's output = message: takes what it returned. NULL, or why not. */
static const char *
take_output(struct session *s, unsigned int index, struct task_result *r, struct reason *reason)
{
	if (session_handler(s, index)->output != OUTPUT_MESSAGE ||
	    r->verdict != VD_CONTINUE || s->message == NULL || r->as_given)
		return NULL;
	return rewrite_take(s, index, r->output, reason);
}

enum turn
verdict_take(struct session *s, unsigned int index, struct task_result *r)
{
	const struct handler_conf	*h = session_handler(s, index);
	struct reason			 reason;
	const char			*why;
	enum verdict			 vd;

	if (!TAILQ_EMPTY(r->actions) && !take_context(s, r->actions))
		return verdict_fail(s, index, &h->on_failure, "on-failure",
		    "its context would be larger than max-context");
	if (r->output != NULL && !r->as_given && !rewrite_has_room(r->output)) {
		session_shed(s);
		return TURN_PASSED;
	}
	if ((why = take_output(s, index, r, &reason)) != NULL)
		return verdict_fail(s, index, &h->on_failure, "on-failure", why);
	take_actions(s, index, r->actions);
	vd = verdict_of_result(r, s->cur.event);
	switch (vd) {
	case VD_CONTINUE:
		return TURN_PASSED;
	case VD_ACCEPT:
		verdict_note_accept(s, index, s->cur.event);
		return TURN_PASSED;
	case VD_SKIP:
		verdict_note_skip(s, index, s->cur.event);
		return TURN_PASSED;
	default:
		verdict_refuse(s, (int)index, vd, &r->smtp);
		return TURN_REFUSED;
	}
}

const char *
session_verdict_problem(const struct task *t, enum verdict vd)
{
	return verdict_fits(vd, t->event) ? NULL : "this event has no such verdict";
}
