/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/session.c: a session begins and ends, and what comes in between: commands of the
 * MTA, replies of handlers and the time. advance() leads the current event on from there.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log_limit.h"
#include "base/xmalloc.h"
#include "config/handler_conf.h"
#include "session/answer.h"
#include "session/ask.h"
#include "session/events.h"
#include "session/message.h"
#include "session/scope.h"
#include "session/session.h"
#include "session/verdict.h"
#include "state/current.h"
#include "state/ids.h"
#include "state/known.h"

static void	(*on_event)(struct session *);
/* That the ids of all sessions begin with; 0: not chosen yet. */
static uint32_t	 run;

/* Reports that may wait for one session before its MTA is no longer read. */
#define MAX_WAITING_TASKS	32
#define MAX_WAITING_BYTES	(512 * 1024)

/* Notes what has to be kept for the handler at an index, besides the envelope. */
static void
note_wishes(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if ((h->lines & LINE_BIT(LINE_MACRO)) != 0)
		s->takes_macros |= known_bit(index);
	if (conf_handler_wants_message(h))
		s->keeps |= known_bit(index);
	if (h->output == OUTPUT_MESSAGE)
		s->counts_headers = 1;
	if ((conf_handler_actions(h) & (ACT_BIT(ACT_CHANGE_HEADER) |
	    ACT_BIT(ACT_DELETE_HEADER))) != 0)
		s->counts_headers = 1;
	if ((conf_handler_events(h) & EV_BIT(EV_BODY)) == 0)
		return;
	if (h->keep_newlines)
		s->wants_raw = 1;
	else
		s->wants_lf = 1;
}

void
session_set_run(uint32_t number)
{
	run = number;
}

struct session *
session_new(const struct conf *conf, const struct listen_conf *l,
    const struct negotiated *neg, const char *const *missing)
{
	static unsigned int	 number;
	struct session		*s = xcalloc(1, sizeof(*s));
	unsigned int		 i;

	if (run == 0)
		run = arc4random();
	snprintf(s->id, sizeof(s->id), "%08x.%u", run, ++number);
	s->conf = conf;
	s->listen = l;
	s->own_neg = *neg;
	s->neg = &s->own_neg;
	s->client_port = -1;
	s->nh = (unsigned int)l->nhandlers;
	s->h = xcalloc(s->nh, sizeof(*s->h));
	for (i = 0; i < s->nh; i++) {
		TAILQ_INIT(&s->h[i].tasks);
		s->h[i].session = s;
		s->h[i].index = i;
		s->h[i].missing = missing[i];
		note_wishes(s, i);
	}
	macros_init(&s->macros);
	context_init(&s->context);
	current_init(&s->cur);
	ids_write_first(s);
	ids_update(s);
	return s;
}

/* 1 if tasks or processes still point to the session, which must not be. */
static int
is_in_use(const struct session *s)
{
	unsigned int	 i;

	if (s->ntasks != 0) {
		log_bug(s->ids, "the session is over, and %u of its tasks are not; it is kept",
		    s->ntasks);
		return 1;
	}
	for (i = 0; i < s->nh; i++) {
		if (s->h[i].binding.proc == NULL)
			continue;
		log_bug(s->ids, "the session is over, and a process of handler %s serves it; "
		    "it is kept", session_handler(s, i)->name);
		return 1;
	}
	return 0;
}

void
session_on_event(void (*fn)(struct session *))
{
	on_event = fn;
}

void
session_free(struct session *s)
{
	if (is_in_use(s))
		return;
	message_close(s);
	current_clear(&s->cur);
	current_free_buffers(&s->cur);
	macros_clear(&s->macros);
	context_clear(&s->context);
	free(s->client_host);
	free(s->client_address);
	free(s->helo);
	free(s->h);
	free(s);
}

int
session_is_full(const struct session *s)
{
	return s->ntasks - s->nshadow >= MAX_WAITING_TASKS || s->task_bytes >= MAX_WAITING_BYTES;
}

/*
 * Leads the current event on until a handler has to be waited for or the command of the MTA
 * is done with. turn: how the last handler's turn ended.
 */
static enum step
advance(struct session *s, enum turn turn, struct buf *out)
{
	for (;;) {
		if (turn == TURN_PASSED)
			turn = ask_next(s);
		if (turn == TURN_ASKED)
			return STEP_WAIT;
		if (!answer_event(s, out))
			return STEP_GO;
		events_end_of_body(s);
		turn = TURN_PASSED;
	}
}

/* The end of a message frees memory, unless it brings a piece of the body. */
static int
brings_data(const struct milter_cmd *cmd)
{
	return cmd->code == SMFIC_MAIL || cmd->code == SMFIC_RCPT || cmd->code == SMFIC_HEADER ||
	    cmd->code == SMFIC_BODY || (cmd->code == SMFIC_BODYEOB && cmd->u.body.len > 0);
}

enum step
session_command(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	enum turn	 turn;

	if (cmd->code == SMFIC_MACRO) {
		macros_store(&s->macros, cmd->u.macro.stage, cmd->u.macro.pairs);
		known_collect(s);
		return STEP_GO;
	}
	if (cmd->code == SMFIC_ABORT) {
		if (s->message != NULL) {
			answer_aborted(s);
			macros_end_message(&s->macros);
			known_collect(s);
		}
		return STEP_GO;
	}
	s->begun = 1;
	s->late = 0;
	/* The abort of the message is told while the macros of the message are there. */
	if (cmd->code == SMFIC_HELO || cmd->code == SMFIC_MAIL)
		answer_aborted(s);
	macros_event(&s->macros, cmd->code);
	known_collect(s);
	if (!events_begin(s, cmd, &turn))
		return STEP_CLOSE;
	if (on_event != NULL)
		on_event(s);
	if (s->memory_short && brings_data(cmd))
		session_shed(s);
	return advance(s, turn, out);
}

enum step
session_answer(struct session *s, struct task_result *r, struct buf *out)
{
	unsigned int			 index = (unsigned int)s->cur.asked;
	const struct handler_conf	*h;
	enum turn			 turn = TURN_PASSED;

	if (s->cur.asked < 0) {
		log_bug(s->ids, "a handler has answered, and none was asked");
		s->broken = 1;
		return STEP_GO;
	}
	h = session_handler(s, index);
	s->cur.asked = -1;
	if (session_is_shed(s)) {
		if (r->end != TASK_REPLY)
			session_scope_failed(s, index, s->h[index].scope);
		return advance(s, TURN_PASSED, out);
	}
	switch (r->end) {
	case TASK_REPLY:
		turn = verdict_take(s, index, r);
		break;
	case TASK_TIMEOUT:
		turn = verdict_fail(s, index, &h->on_timeout, "on-timeout", r->why);
		break;
	case TASK_OVERLOAD:
		turn = verdict_fail(s, index, &h->on_overload, "on-overload", r->why);
		break;
	case TASK_FAILURE:
	case TASK_REPORTED:
		turn = verdict_fail(s, index, &h->on_failure, "on-failure", r->why);
		break;
	}
	return advance(s, turn, out);
}

enum step
session_timeout(struct session *s, struct buf *out)
{
	unsigned int	 index = (unsigned int)s->cur.asked;
	enum turn	 turn;

	s->cur.asked = -1;
	s->late = 1;
	turn = verdict_fail(s, index, &session_handler(s, index)->on_timeout, "on-timeout",
	    s->cur.wire == SMFIC_BODYEOB ? "no answer within message-timeout" :
	    "no answer within event-timeout");
	return advance(s, turn, out);
}

void
session_give_up(struct session *s, struct buf *out)
{
	static const struct smtp_reply	 none;

	s->cur.asked = -1;
	verdict_refuse(s, -1, VD_TEMPFAIL, &none);
	answer_event(s, out);
}

void
session_end(struct session *s, const char *reason)
{
	unsigned int	 i;

	answer_aborted(s);
	if (s->begun) {
		events_disconnect(s, reason);
		ask_report(s);
	}
	current_clear(&s->cur);
	for (i = 0; i < s->nh; i++)
		scope_end(s, i);
}
