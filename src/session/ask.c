/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/ask.c: the current event goes from handler to handler, each in its turn, until one
 * has to be waited for or refuses it.
 */
#include "base/compat.h"

#include <syslog.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "config/handler_conf.h"
#include "session/ask.h"
#include "session/exclude.h"
#include "session/keep.h"
#include "session/session.h"
#include "session/tasks.h"
#include "session/verdict.h"
#include "session/who.h"
#include "state/current.h"

/* A handler that can't work on this connection answers for itself at MAIL. */
static enum turn
answer_for_missing(struct session *s, unsigned int index)
{
	const struct outcome	*o = &session_handler(s, index)->on_failure;

	if (s->h[index].missing == NULL || s->cur.event != EV_MAIL ||
	    !conf_outcome_refuses(o) || session_handler(s, index)->shadow)
		return TURN_PASSED;
	/* The failure itself was logged when the connection began. */
	verdict_refuse(s, (int)index, verdict_of_outcome(o, EV_MAIL), &o->smtp);
	return TURN_REFUSED;
}

/* A shadow can't be asked. */
static void
pass_shadow(struct session *s, unsigned int index, const char *why)
{
	const struct handler_conf	*h = session_handler(s, index);
	enum verdict			 vd = verdict_of_outcome(&h->on_overload, s->cur.event);

	log_limited(h->name, "failures of handler", LOG_WARNING, s->ids,
	    "handler %s: %s: %s; shadow, on-overload would be %s",
	    h->name, event_name(s->cur.event), why, verdict_name(vd));
	session_scope_failed(s, index, s->h[index].scope);
	if (vd == VD_ACCEPT)
		verdict_note_accept(s, index, s->cur.event);
}

/* The message that the handler is to be given could not be kept. */
static enum turn
answer_for_store(struct session *s, unsigned int index, const char *why)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (!h->shadow)
		return verdict_fail(s, index, &h->on_overload, "on-overload", why);
	pass_shadow(s, index, why);
	return TURN_PASSED;
}

static void
ask_shadow(struct session *s, unsigned int index)
{
	if (tasks_has_room(s, index))
		(void)tasks_add(s, index, PURPOSE_SHADOW);
	else
		pass_shadow(s, index, "too much waits for it");
}

/* The handler at an index has a part in the event. */
static enum turn
ask_taking_part(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);
	int				 failed = s->h[index].failed;
	const char			*problem;

	/* A shadow is asked also when the time is over. */
	if (!failed && (h->shadow || !s->late) && (problem = keep_problem(s, index)) != NULL)
		return answer_for_store(s, index, problem);
	if (h->shadow) {
		if (!failed)
			ask_shadow(s, index);
		return TURN_PASSED;
	}
	if (failed)
		return verdict_failed_before(s, index);
	if (s->late)
		return verdict_fail(s, index, &h->on_timeout, "on-timeout",
		    "no time was left to ask it");
	if (!tasks_has_message(s, index))
		return verdict_fail(s, index, &h->on_failure, "on-failure",
		    "pipemilter has lost the message");
	if (!tasks_add(s, index, PURPOSE_ASK)) {
		session_shed(s);
		verdict_refuse_for(s, REFUSAL_MEMORY);
		return TURN_REFUSED;
	}
	s->cur.asked = (int)index;
	return TURN_ASKED;
}

static enum turn
ask_one(struct session *s, unsigned int index)
{
	enum ask_why	 why = who_is_asked(s, index);

	who_show(s, index, 0, why);
	if (answer_for_missing(s, index) == TURN_REFUSED ||
	    exclude_answer(s, index) == TURN_REFUSED)
		return TURN_REFUSED;
	return why == ASK_YES ? ask_taking_part(s, index) : TURN_PASSED;
}

/*
 * 1 if the message is to be refused, and can be now. A recipient that is too many is refused
 * alone where rcpt has an answer.
 */
static int
owes_refusal(const struct session *s)
{
	enum event_kind	 first = EV_DATA;

	if (s->message == NULL || s->message->refusal == REFUSAL_NONE)
		return 0;
	if (s->message->refusal == REFUSAL_MEMORY)
		first = EV_MAIL;
	return s->cur.event >= first && s->cur.event != EV_UNKNOWN && current_kind_has_answer(s);
}

enum turn
ask_next(struct session *s)
{
	enum turn	 turn = TURN_PASSED;

	if (current_is_of_message(s->cur.event) && s->message == NULL)
		return TURN_PASSED;
	if (owes_refusal(s)) {
		verdict_refuse_for(s, s->message->refusal);
		return TURN_REFUSED;
	}
	if (current_is_of_message(s->cur.event) && session_is_shed(s))
		return TURN_PASSED;
	while (turn == TURN_PASSED && s->cur.index < s->nh)
		turn = ask_one(s, s->cur.index++);
	if (turn == TURN_ASKED)
		current_keep(&s->cur);
	return turn;
}

static void
report_to(struct session *s, unsigned int index)
{
	const char	*name = session_handler(s, index)->name;

	if (tasks_has_room(s, index)) {
		(void)tasks_add(s, index, PURPOSE_REPORT);
		return;
	}
	log_limited(name, "failures of handler", LOG_WARNING, s->ids,
	    "handler %s: report %s: too much waits for it; shadow, the report is dropped",
	    name, event_name(s->cur.event));
	session_scope_failed(s, index, s->h[index].scope);
}

void
ask_report(struct session *s)
{
	enum ask_why	 why;
	unsigned int	 i;

	if (current_is_of_message(s->cur.event) && (s->message == NULL ||
	    (session_is_shed(s) && s->cur.event != EV_MAIL && s->cur.event != EV_ABORT)))
		return;
	for (i = 0; i < s->nh; i++) {
		why = who_is_told(s, i);
		who_show(s, i, 1, why);
		if (why == ASK_YES)
			report_to(s, i);
	}
}
