/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/answer.c: what the MTA is told of an event, once all handlers have been
 * asked or one has refused it, and what follows from that.
 */
#include "base/compat.h"

#include "session/edits.h"
#include "base/log.h"
#include "milter/encode.h"
#include "session/parts.h"

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
answer_is_due(const struct session *s)
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
		if (!answer_is_due(s))
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
	unsigned int		 index;

	while ((a = edits_judge(s->message, &why)) != NULL) {
		index = a->handler;
		if (verdict_fail(s, index, &session_handler(s, index)->on_failure,
		    "on-failure", why))
			return;
	}
}

enum step
answer_event(struct session *s, struct buf *out)
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
	if (s->cur.verdict != VD_CONTINUE && answer_is_due(s))
		answer_refusal(s, out);
	else if (s->cur.verdict == VD_CONTINUE && answer_is_due(s))
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
