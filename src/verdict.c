/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "edits.h"
#include "log.h"
#include "milter_enc.h"
#include "session_int.h"

enum verdict
verdict_of_outcome(const struct outcome *o, enum event_kind ev)
{
	if (verdict_fits(o->verdict, ev))
		return o->verdict;
	return o->verdict == VD_DISCARD ? VD_TEMPFAIL : VD_CONTINUE;
}

static void
log_mended(const struct session *s, unsigned int place, const struct smtp_reply *said, int how)
{
	char	 code[16] = "";

	if (said->code != 0)
		snprintf(code, sizeof(code), "%d ", said->code);
	log_msg(LOG_WARNING, s->ids, "handler %s: its reply \"%s%s%s%s\" was mended:%s%s%s%s",
	    session_handler(s, place)->name, code, said->enhanced,
	    said->enhanced[0] == '\0' ? "" : " ", said->text == NULL ? "" : said->text,
	    how & SMTP_REPLY_BAD_CODE ? " wrong code" : "",
	    how & SMTP_REPLY_BAD_CLASS ? " wrong enhanced code" : "",
	    how & SMTP_REPLY_CUT ? " too long" : "",
	    how & SMTP_REPLY_BAD_BYTES ? " not printable ASCII" : "");
}

void
verdict_refuse(struct session *s, int place, enum verdict vd, const struct smtp_reply *smtp)
{
	struct current	*c = &s->cur;
	int		 how;

	c->verdict = vd;
	c->answered_by = place;
	if (vd != VD_DISCARD) {
		smtp_reply_copy(&c->smtp, smtp);
		how = smtp_reply_complete(vd, &c->smtp);
		if (how != 0 && place >= 0)
			log_mended(s, (unsigned int)place, smtp, how);
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
verdict_note_accept(struct session *s, unsigned int place, enum event_kind ev)
{
	const struct handler_conf	*h = session_handler(s, place);
	int				 over;

	if (ev == EV_CONNECT || ev == EV_HELO) {
		s->h[place].accepted_session = 1;
		over = (h->reports & EV_BIT(EV_DISCONNECT)) == 0;
	} else {
		s->h[place].accepted_message = 1;
		over = h->scope == SCOPE_MESSAGE;
	}
	if (over)
		scope_end(s, place);
}

/* What a handler's outcome makes of the event in hand. Returns 1 if it is refused. */
static int
take_outcome(struct session *s, unsigned int place, const struct outcome *o)
{
	enum verdict	 vd = verdict_of_outcome(o, s->cur.event);

	if (vd == VD_ACCEPT)
		verdict_note_accept(s, place, s->cur.event);
	if (vd == VD_ACCEPT || vd == VD_CONTINUE)
		return 0;
	verdict_refuse(s, (int)place, vd, &o->smtp);
	return 1;
}

int
verdict_failed_before(struct session *s, unsigned int place)
{
	const struct handler_conf	*h = session_handler(s, place);

	log_msg(LOG_DEBUG, s->ids, "handler %s: %s: it has failed before; on-failure = %s",
	    h->name, event_name(s->cur.event),
	    verdict_name(verdict_of_outcome(&h->on_failure, s->cur.event)));
	return take_outcome(s, place, &h->on_failure);
}

int
verdict_fail(struct session *s, unsigned int place, const struct outcome *o,
    const char *option, const char *why)
{
	enum verdict	 vd = verdict_of_outcome(o, s->cur.event);

	log_msg(LOG_WARNING, s->ids, "handler %s: %s: %s; %s = %s",
	    session_handler(s, place)->name, event_name(s->cur.event), why, option,
	    verdict_name(vd));
	if (s->message != NULL)
		message_drop_actions(s->message, place);
	session_scope_failed(s, place, s->h[place].scope);
	return take_outcome(s, place, o);
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
keep_actions(struct session *s, unsigned int place, struct action_list *actions)
{
	struct action	*a;

	while ((a = TAILQ_FIRST(actions)) != NULL) {
		TAILQ_REMOVE(actions, a, entry);
		if (is_context(a) || s->message == NULL) {
			action_free(a);
			continue;
		}
		a->handler = place;
		a->event_no = s->cur.number;
		TAILQ_INSERT_TAIL(&s->message->kept, a, entry);
		s->message->nkept++;
	}
}

/* Returns 1 if the event is refused. */
static int
take_reply(struct session *s, unsigned int place, struct task_result *r)
{
	const struct handler_conf	*h = session_handler(s, place);
	/* on-exit may name what this event has no verdict for. */
	const struct outcome		 said = { .verdict = r->verdict };
	const char			*why;
	enum verdict			 vd;

	if (!TAILQ_EMPTY(r->actions) && !take_context(s, r->actions))
		return verdict_fail(s, place, &h->on_failure, "on-failure",
		    "its context would be larger than max-context");
	if (h->output == OUTPUT_MESSAGE && r->verdict == VD_CONTINUE && s->message != NULL &&
	    (why = rewrite_take(s, place, r->output)) != NULL)
		return verdict_fail(s, place, &h->on_failure, "on-failure", why);
	keep_actions(s, place, r->actions);
	vd = r->verdict == VD_SKIP ? VD_SKIP : verdict_of_outcome(&said, s->cur.event);
	switch (vd) {
	case VD_CONTINUE:
		return 0;
	case VD_ACCEPT:
		verdict_note_accept(s, place, s->cur.event);
		return 0;
	case VD_SKIP:
		if (s->cur.event == EV_HEADER)
			s->h[place].skip_header = 1;
		else
			s->h[place].skip_body = 1;
		return 0;
	default:
		verdict_refuse(s, (int)place, vd, &r->smtp);
		return 1;
	}
}

enum step
session_answer(struct session *s, struct task_result *r, struct buf *out)
{
	unsigned int			 place = (unsigned int)s->cur.asked;
	const struct handler_conf	*h = session_handler(s, place);
	int				 refused = 0;

	s->cur.asked = -1;
	switch (r->end) {
	case TASK_REPLY:
		refused = take_reply(s, place, r);
		break;
	case TASK_TIMEOUT:
		refused = verdict_fail(s, place, &h->on_timeout, "on-timeout", r->why);
		break;
	case TASK_OVERLOAD:
		refused = verdict_fail(s, place, &h->on_overload, "on-overload", r->why);
		break;
	case TASK_FAILURE:
	case TASK_REPORTED:
		refused = verdict_fail(s, place, &h->on_failure, "on-failure", r->why);
		break;
	}
	return refused ? verdict_finish(s, out) : ask_next(s, out);
}

enum step
session_timeout(struct session *s, struct buf *out)
{
	unsigned int	 place = (unsigned int)s->cur.asked;

	s->cur.asked = -1;
	s->late = 1;
	if (verdict_fail(s, place, &session_handler(s, place)->on_timeout, "on-timeout",
	    s->cur.wire == SMFIC_BODYEOB ? "no answer within message-timeout" :
	    "no answer within event-timeout"))
		return verdict_finish(s, out);
	return ask_next(s, out);
}

void
session_give_up(struct session *s, struct buf *out)
{
	static const struct smtp_reply	 none;

	s->cur.asked = -1;
	verdict_refuse(s, -1, VD_TEMPFAIL, &none);
	verdict_finish(s, out);
}

/* The answer where nobody refused. Returns 1 if the MTA will show no more of the message. */
static int
answer_positive(struct session *s, struct buf *out, struct buf *summary)
{
	if (s->cur.event == EV_END_OF_MESSAGE && s->message != NULL) {
		rewrite_settle(s->message);
		edits_encode(s, out, log_enabled(LOG_INFO) ? summary : NULL);
	} else if (s->cur.event == EV_BODY && s->neg->skip && wants_no_body(s)) {
		milter_enc_simple(out, SMFIR_SKIP);
		s->message->skipped = 1;
		return 0;
	} else if (!s->cur.rejected && wants_nothing_more(s)) {
		milter_enc_simple(out, SMFIR_ACCEPT);
		return s->message != NULL;
	}
	milter_enc_simple(out, SMFIR_CONTINUE);
	return 0;
}

static void
answer_refusal(struct session *s, struct buf *out)
{
	struct buf	 text;

	if (s->cur.verdict == VD_DISCARD) {
		milter_enc_simple(out, SMFIR_DISCARD);
		return;
	}
	buf_init(&text, MILTER_MAX_DATA);
	smtp_reply_wire(&s->cur.smtp, &text);
	buf_add_u8(&text, 0);
	milter_enc_replycode(out, (char *)text.data);
	buf_free(&text);
}

int
verdict_needs_reply(const struct session *s)
{
	return s->cur.wire == SMFIC_BODYEOB ||
	    (s->neg->no_reply & EV_BIT(s->cur.event)) == 0;
}

/* 1 if the message is over for us when this answer has gone out. */
static int
ends_message(const struct session *s)
{
	if (s->message == NULL)
		return 0;
	if (s->cur.event == EV_END_OF_MESSAGE)
		return 1;
	switch (s->cur.verdict) {
	case VD_DISCARD:
	case VD_SHUTDOWN:
		return 1;
	case VD_REJECT:
	case VD_TEMPFAIL:
		/* MTAs send RCPT and DATA again after a refusal. */
		return s->cur.event != EV_RCPT && s->cur.event != EV_DATA &&
		    s->cur.event != EV_UNKNOWN;
	default:
		return 0;
	}
}

/* A refused one is kept until those know of it who were told that it is there. */
static void
forget_recipient(struct session *s, struct mailbox *m)
{
	if (m->told == 0) {
		mailbox_free(m);
		return;
	}
	s->changed |= m->told;
	TAILQ_INSERT_TAIL(&s->message->refused, m, entry);
}

/* A recipient becomes one of the message, unless it was refused. */
static void
settle_recipient(struct session *s)
{
	struct message	*msg = s->message;
	struct mailbox	*m = s->cur.recipient;

	if (m == NULL || msg == NULL)
		return;
	s->cur.recipient = NULL;
	if (s->cur.rejected) {
		mailbox_free(m);
		return;
	}
	if (s->cur.verdict != VD_CONTINUE) {
		/* It can't be refused alone where no reply is sent. */
		if (!verdict_needs_reply(s))
			msg->too_many = 1;
		msg->nrefused++;
		forget_recipient(s, m);
		return;
	}
	s->changed |= ~m->told;
	msg->envelope_bytes += mailbox_bytes(m);
	TAILQ_INSERT_TAIL(&msg->recipients, m, entry);
	msg->nrecipients++;
}

/* What can only be judged now that all headers are known. */
static void
judge_actions(struct session *s)
{
	const struct action	*a;
	const char		*why;
	unsigned int		 place;

	while ((a = edits_judge(s->message, &why)) != NULL) {
		place = a->handler;
		if (verdict_fail(s, place, &session_handler(s, place)->on_failure,
		    "on-failure", why))
			return;
	}
}

enum step
verdict_finish(struct session *s, struct buf *out)
{
	struct buf	 summary;
	int		 hidden = 0, ends;

	if (s->cur.verdict == VD_CONTINUE && s->cur.wire == SMFIC_BODYEOB &&
	    s->cur.event == EV_BODY) {
		ask_report(s);
		return session_end_of_body(s, out);
	}
	if (s->cur.verdict == VD_CONTINUE && s->cur.event == EV_END_OF_MESSAGE &&
	    s->message != NULL)
		judge_actions(s);
	buf_init(&summary, 4096);
	if (s->cur.verdict != VD_CONTINUE && verdict_needs_reply(s))
		answer_refusal(s, out);
	else if (s->cur.verdict == VD_CONTINUE && verdict_needs_reply(s))
		hidden = answer_positive(s, out, &summary);
	ends = ends_message(s) || hidden;
	msglog_decision(s, ends, &summary);
	buf_free(&summary);
	ask_report(s);
	if (s->cur.wire == SMFIC_BODYEOB && s->cur.event == EV_BODY) {
		/* The refusal of the last piece is the answer to the end too. */
		s->cur.event = EV_END_OF_MESSAGE;
		ask_report(s);
	}
	settle_recipient(s);
	if (ends) {
		message_close(s, s->cur.wire != SMFIC_BODYEOB && !hidden);
		macros_end_message(&s->macros);
		session_note_changes(s);
	}
	current_clear(&s->cur);
	return STEP_GO;
}

const char *
session_judge_verdict(const struct task *t, enum verdict vd)
{
	return verdict_fits(vd, t->event) ? NULL : "this event has no such verdict";
}
