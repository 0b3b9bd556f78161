/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/answer.c: what the MTA is told of an event, once all handlers have been asked or
 * one has refused it, and what follows from that.
 */
#include "base/compat.h"

#include <syslog.h>

#include "base/log.h"
#include "milter/encode.h"
#include "session/answer.h"
#include "session/ask.h"
#include "session/edits.h"
#include "session/message.h"
#include "session/msglog.h"
#include "session/rewrite.h"
#include "session/session.h"
#include "session/verdict.h"
#include "session/wants.h"
#include "state/current.h"
#include "state/known.h"
#include "store/board.h"

/* The answer where nobody refused. Returns 1 if the MTA will show no more of the message. */
static int
answer_positive(struct session *s, struct buf *out, struct buf *summary)
{
	if (s->cur.event == EV_END_OF_MESSAGE && s->message != NULL) {
		rewrite_to_kept(s->message);
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

	numbers_add(&board_own()->answers[s->cur.event][s->cur.verdict], 1);
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

/* 1 if the answer to this event ends the message for us. */
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

/* The recipient that rcpt was about becomes one of the message, unless it was refused. */
static void
take_recipient(struct session *s)
{
	struct message	*msg = s->message;
	struct mailbox	*m = s->cur.recipient;

	if (m == NULL || msg == NULL)
		return;
	s->cur.recipient = NULL;
	if (s->cur.rejected || session_is_shed(s)) {
		msg->nrefused += !s->cur.rejected;
		mailbox_free(m);
		return;
	}
	if (s->cur.verdict != VD_CONTINUE) {
		/* Where rcpt has no answer it can't be refused alone. */
		if (!current_answer_is_due(s) && msg->refusal == REFUSAL_NONE)
			msg->refusal = REFUSAL_RECIPIENTS;
		msg->nrefused++;
		known_recipient_refused(s, m);
		return;
	}
	known_recipient_taken(s, m);
	msg->envelope_bytes += mailbox_bytes(m);
	TAILQ_INSERT_TAIL(&msg->recipients, m, entry);
	msg->nrecipients++;
}

/* Judges the kept actions that only the complete headers can tell about. */
static void
judge_kept(struct session *s)
{
	const struct action	*a;
	const char		*why;
	unsigned int		 index;

	while ((a = edits_judge(s->message, &why)) != NULL) {
		index = a->handler;
		if (verdict_fail(s, index, &session_handler(s, index)->on_failure,
		    "on-failure", why) == TURN_REFUSED)
			return;
	}
}

/*
 * Decides what only the end of the message tells: whether the kept actions can be done, and
 * whether there is memory for them as packets.
 */
static void
judge_end(struct session *s, struct buf *out)
{
	judge_kept(s);
	if (s->cur.verdict == VD_CONTINUE && !edits_have_room(s->message, out)) {
		session_shed(s);
		verdict_refuse_for(s, REFUSAL_MEMORY);
	}
}

/* Adds the answer to out, if one is due. Returns 1 if the MTA will show no more of the message. */
static int
add_answer(struct session *s, struct buf *out, struct buf *summary)
{
	if (!current_answer_is_due(s))
		return 0;
	if (s->cur.verdict == VD_CONTINUE)
		return answer_positive(s, out, summary);
	answer_refusal(s, out);
	return 0;
}

static void
report(struct session *s)
{
	ask_report(s);
	if (s->cur.wire == SMFIC_BODYEOB && s->cur.event == EV_BODY) {
		/* The refusal of the last piece is the answer to the end too. */
		s->cur.event = EV_END_OF_MESSAGE;
		ask_report(s);
	}
}

void
answer_aborted(struct session *s)
{
	if (s->message == NULL)
		return;
	msglog_aborted(s);
	current_begin(s, EV_ABORT, 0);
	ask_report(s);
	message_close(s);
}

/* hidden: the MTA goes on with the message, and shows us no more of it. */
static void
end_message(struct session *s, int hidden)
{
	if (s->cur.wire == SMFIC_BODYEOB || hidden)
		message_close(s);
	else
		answer_aborted(s);
	macros_end_message(&s->macros);
	known_collect(s);
}

int
answer_event(struct session *s, struct buf *out)
{
	struct buf	 summary;
	int		 hidden, ends;

	if (s->cur.verdict == VD_CONTINUE && s->cur.wire == SMFIC_BODYEOB &&
	    s->cur.event == EV_BODY) {
		ask_report(s);
		return 1;
	}
	if (s->cur.verdict == VD_CONTINUE && s->cur.event == EV_END_OF_MESSAGE &&
	    s->message != NULL)
		judge_end(s, out);
	buf_init(&summary, 4096);
	hidden = add_answer(s, out, &summary);
	ends = hidden || ends_message(s);
	msglog_decision(s, ends, &summary);
	buf_free(&summary);
	report(s);
	take_recipient(s);
	if (ends)
		end_message(s, hidden);
	current_clear(&s->cur);
	return 0;
}
