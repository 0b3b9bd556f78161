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
#include "session/parts.h"

enum verdict
verdict_of_outcome(const struct outcome *o, enum event_kind ev)
{
	if (verdict_fits(o->verdict, ev))
		return o->verdict;
	return o->verdict == VD_DISCARD ? VD_TEMPFAIL : VD_CONTINUE;
}

static void
log_mended(const struct session *s, unsigned int index, const struct smtp_reply *said, int how)
{
	char	 code[16] = "";

	if (said->code != 0)
		snprintf(code, sizeof(code), "%d ", said->code);
	log_msg(LOG_WARNING, s->ids, "handler %s: its reply \"%s%s%s%s\" was mended:%s%s%s%s",
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
verdict_refuse_recipients(struct session *s)
{
	static char			 text[] = "Too many recipients";
	static const struct smtp_reply	 reply = { 452, "4.5.3", text };

	verdict_refuse(s, -1, VD_TEMPFAIL, &reply);
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

/* What a handler's outcome makes of the event in hand. Returns 1 if it is refused. */
static int
take_outcome(struct session *s, unsigned int index, const struct outcome *o)
{
	enum verdict	 vd = verdict_of_outcome(o, s->cur.event);

	if (vd == VD_ACCEPT)
		verdict_note_accept(s, index, s->cur.event);
	if (vd == VD_ACCEPT || vd == VD_CONTINUE)
		return 0;
	verdict_refuse(s, (int)index, vd, &o->smtp);
	return 1;
}

int
verdict_failed_before(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	log_msg(LOG_DEBUG, s->ids, "handler %s: %s: it has failed before; on-failure = %s",
	    h->name, event_name(s->cur.event),
	    verdict_name(verdict_of_outcome(&h->on_failure, s->cur.event)));
	return take_outcome(s, index, &h->on_failure);
}

int
verdict_fail(struct session *s, unsigned int index, const struct outcome *o,
    const char *option, const char *why)
{
	enum verdict	 vd = verdict_of_outcome(o, s->cur.event);

	log_msg(LOG_WARNING, s->ids, "handler %s: %s: %s; %s = %s",
	    session_handler(s, index)->name, event_name(s->cur.event), why, option,
	    verdict_name(vd));
	if (s->message != NULL)
		message_drop_actions(s->message, index);
	session_scope_failed(s, index, s->h[index].scope);
	return take_outcome(s, index, o);
}

static int
is_context(const struct action *a)
{
	return a->kind == ACT_SET || a->kind == ACT_SET_MESSAGE || a->kind == ACT_UNSET;
}

/* All of what a reply sets, or nothing where that would be too much: then 0. */
static int
take_context(struct session *s, const struct action_list *actions)
{
	const struct action	*a;
	struct context		 next;

	TAILQ_FOREACH(a, actions, entry)
		if (is_context(a))
			break;
	if (a == NULL)
		return 1;
	context_copy(&next, &s->context);
	TAILQ_FOREACH(a, actions, entry) {
		if (a->kind == ACT_UNSET)
			context_unset(&next, a->name);
		else if (is_context(a))
			context_set(&next, a->name, a->value, a->kind == ACT_SET_MESSAGE);
	}
	if (next.bytes > s->conf->max_context) {
		context_clear(&next);
		return 0;
	}
	context_move(&s->context, &next);
	session_note_changes(s);
	return 1;
}

/* Those for the MTA are kept until the end of the message. */
static void
keep_actions(struct session *s, unsigned int index, struct action_list *actions)
{
	struct action	*a;

	while ((a = TAILQ_FIRST(actions)) != NULL) {
		TAILQ_REMOVE(actions, a, entry);
		if (is_context(a) || s->message == NULL) {
			action_free(a);
			continue;
		}
		a->handler = index;
		a->event_no = s->cur.number;
		TAILQ_INSERT_TAIL(&s->message->kept, a, entry);
		s->message->nkept++;
	}
}

/* Returns 1 if the event is refused. */
static int
take_reply(struct session *s, unsigned int index, struct task_result *r)
{
	const struct handler_conf	*h = session_handler(s, index);
	/* on-exit may name what this event has no verdict for. */
	const struct outcome		 said = { .verdict = r->verdict };
	const char			*why;
	enum verdict			 vd;

	if (!TAILQ_EMPTY(r->actions) && !take_context(s, r->actions))
		return verdict_fail(s, index, &h->on_failure, "on-failure",
		    "its context would be larger than max-context");
	if (h->output == OUTPUT_MESSAGE && r->verdict == VD_CONTINUE && s->message != NULL &&
	    !r->as_given && (why = rewrite_take(s, index, r->output)) != NULL)
		return verdict_fail(s, index, &h->on_failure, "on-failure", why);
	keep_actions(s, index, r->actions);
	vd = r->verdict == VD_SKIP ? VD_SKIP : verdict_of_outcome(&said, s->cur.event);
	switch (vd) {
	case VD_CONTINUE:
		return 0;
	case VD_ACCEPT:
		verdict_note_accept(s, index, s->cur.event);
		return 0;
	case VD_SKIP:
		if (s->cur.event == EV_HEADER)
			s->h[index].skip_header = 1;
		else
			s->h[index].skip_body = 1;
		return 0;
	default:
		verdict_refuse(s, (int)index, vd, &r->smtp);
		return 1;
	}
}

enum step
session_answer(struct session *s, struct task_result *r, struct buf *out)
{
	unsigned int			 index = (unsigned int)s->cur.asked;
	const struct handler_conf	*h = session_handler(s, index);
	int				 refused = 0;

	s->cur.asked = -1;
	switch (r->end) {
	case TASK_REPLY:
		refused = take_reply(s, index, r);
		break;
	case TASK_TIMEOUT:
		refused = verdict_fail(s, index, &h->on_timeout, "on-timeout", r->why);
		break;
	case TASK_OVERLOAD:
		refused = verdict_fail(s, index, &h->on_overload, "on-overload", r->why);
		break;
	case TASK_FAILURE:
	case TASK_REPORTED:
		refused = verdict_fail(s, index, &h->on_failure, "on-failure", r->why);
		break;
	}
	return refused ? answer_event(s, out) : ask_next(s, out);
}

enum step
session_timeout(struct session *s, struct buf *out)
{
	unsigned int	 index = (unsigned int)s->cur.asked;

	s->cur.asked = -1;
	s->late = 1;
	if (verdict_fail(s, index, &session_handler(s, index)->on_timeout, "on-timeout",
	    s->cur.wire == SMFIC_BODYEOB ? "no answer within message-timeout" :
	    "no answer within event-timeout"))
		return answer_event(s, out);
	return ask_next(s, out);
}

void
session_give_up(struct session *s, struct buf *out)
{
	static const struct smtp_reply	 none;

	s->cur.asked = -1;
	verdict_refuse(s, -1, VD_TEMPFAIL, &none);
	answer_event(s, out);
}

const char *
session_judge_verdict(const struct task *t, enum verdict vd)
{
	return verdict_fits(vd, t->event) ? NULL : "this event has no such verdict";
}
