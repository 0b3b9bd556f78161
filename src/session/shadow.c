/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/shadow.c: the replies of handlers on trial. They are logged, and have effect on
 * the handler alone.
 */
#include "base/compat.h"

#include <syslog.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "session/rewrite.h"
#include "session/session.h"
#include "session/verdict.h"

/* Actions of one reply that the log names, and bytes of one name or value. */
#define MAX_ACTIONS	10
#define MAX_TEXT	100

static unsigned int
count_actions(const struct action_list *list)
{
	const struct action	*a;
	unsigned int		 n = 0;

	if (list != NULL)
		TAILQ_FOREACH(a, list, entry)
			n++;
	return n;
}

static void
describe_actions(const struct action_list *list, struct buf *b)
{
	const struct action	*a;
	unsigned int		 n = count_actions(list), i = 0;

	if (n == 0)
		return;
	buf_printf(b, " with %u action%s: ", n, n == 1 ? "" : "s");
	TAILQ_FOREACH(a, list, entry) {
		if (i == MAX_ACTIONS) {
			buf_add_str(b, ", ...");
			break;
		}
		buf_printf(b, "%s%s", i++ > 0 ? ", " : "", action_name(a->kind));
		if (a->name != NULL)
			buf_printf(b, " %.*s", MAX_TEXT, a->name);
		else if (a->value != NULL)
			buf_printf(b, " %.*s", MAX_TEXT, a->value);
	}
}

static void
describe_reply(enum verdict vd, const struct smtp_reply *said, struct buf *b)
{
	struct smtp_reply	 reply;

	buf_printf(b, "would %s", verdict_name(vd));
	if (vd != VD_REJECT && vd != VD_TEMPFAIL && vd != VD_SHUTDOWN)
		return;
	smtp_reply_copy(&reply, said);
	smtp_reply_complete(vd, &reply);
	buf_printf(b, " %d %s %s", reply.code, reply.enhanced,
	    reply.text == NULL ? "" : reply.text);
	smtp_reply_free(&reply);
}

/* "handler spam: rcpt: would reject 550 5.7.1 no" */
static void
log_reply(const struct task *t, enum verdict vd, const struct task_result *r)
{
	struct buf	 b;

	if ((vd == VD_CONTINUE && count_actions(r->actions) == 0) || !log_enabled(LOG_INFO))
		return;
	buf_init(&b, 32 * 1024);
	describe_reply(vd, &r->smtp, &b);
	describe_actions(r->actions, &b);
	buf_add_u8(&b, 0);
	if (buf_ok(&b))
		log_msg(LOG_INFO, t->ids, "handler %s: %s: %s",
		    session_handler(t->session, t->index)->name, event_name(t->event),
		    (char *)b.data);
	buf_free(&b);
}

/* 1 unless the message that the task was about has ended by now, or one has begun. */
static int
is_current(const struct task *t)
{
	const struct message	*msg = t->session->message;

	return t->message_no == (msg == NULL ? 0 : msg->number);
}

static void
note(const struct task *t, enum verdict vd)
{
	if (vd == VD_ACCEPT)
		verdict_note_accept(t->session, t->index, t->event);
	else if (vd == VD_SKIP)
		verdict_note_skip(t->session, t->index, t->event);
}

static void
show_failure(const struct task *t, const struct outcome *o, const char *option, const char *why)
{
	struct session			*s = t->session;
	const struct handler_conf	*h = session_handler(s, t->index);
	enum verdict			 vd = verdict_of_outcome(o, t->event);

	log_limited(h->name, "failures of handler", LOG_WARNING, t->ids,
	    "handler %s: %s: %s; shadow, %s would be %s", h->name,
	    event_name(t->event), why, option, verdict_name(vd));
	/* A question outside of a message is no part of a message's scope. */
	if (!is_current(t) && h->scope != SCOPE_SESSION)
		return;
	session_scope_failed(s, t->index, t->scope);
	if (vd == VD_ACCEPT && is_current(t))
		note(t, vd);
}

static void
show_reply(const struct task *t, const struct task_result *r)
{
	const struct handler_conf	*h = session_handler(t->session, t->index);
	struct reason			 reason;
	const char			*why;
	enum verdict			 vd;

	if (h->output == OUTPUT_MESSAGE && r->verdict == VD_CONTINUE &&
	    (why = rewrite_show(t, r->output, r->actions, &reason)) != NULL) {
		show_failure(t, &h->on_failure, "on-failure", why);
		return;
	}
	vd = verdict_of_result(r, t->event);
	log_reply(t, vd, r);
	if (is_current(t) || t->event == EV_CONNECT || t->event == EV_HELO)
		note(t, vd);
}

void
session_shadow_answer(struct task *t, struct task_result *r)
{
	const struct handler_conf	*h;

	if (t->session == NULL)
		return;
	h = session_handler(t->session, t->index);
	switch (r->end) {
	case TASK_REPLY:
		show_reply(t, r);
		break;
	case TASK_TIMEOUT:
		show_failure(t, &h->on_timeout, "on-timeout", r->why);
		break;
	case TASK_OVERLOAD:
		show_failure(t, &h->on_overload, "on-overload", r->why);
		break;
	case TASK_FAILURE:
	case TASK_REPORTED:
		show_failure(t, &h->on_failure, "on-failure", r->why);
		break;
	}
}
