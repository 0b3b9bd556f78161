/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <string.h>

#include "block/sink.h"
#include "session/parts.h"

#define BITS_CLIENT	(LINE_BIT(LINE_CLIENT_HOST) | LINE_BIT(LINE_CLIENT_FAMILY) | \
			    LINE_BIT(LINE_CLIENT_ADDRESS) | LINE_BIT(LINE_CLIENT_PORT))
#define BITS_SENDER	(LINE_BIT(LINE_SENDER) | LINE_BIT(LINE_SENDER_DOMAIN) | \
			    LINE_BIT(LINE_SENDER_ARGUMENT))
#define BITS_RCPT	(LINE_BIT(LINE_RECIPIENT) | LINE_BIT(LINE_RECIPIENT_DOMAIN) | \
			    LINE_BIT(LINE_RECIPIENT_ARGUMENT) | LINE_BIT(LINE_RECIPIENTS))

unsigned int
block_own_lines(enum event_kind ev)
{
	switch (ev) {
	case EV_CONNECT:
		return BITS_CLIENT;
	case EV_HELO:
		return LINE_BIT(LINE_HELO);
	case EV_MAIL:
		return BITS_SENDER;
	case EV_RCPT:
		return BITS_RCPT;
	default:
		return 0;
	}
}

static void
put_asked(struct sink *k)
{
	const struct current	*c = &k->s->cur;

	if (c->recipient == NULL)
		return;
	if (c->rejected)
		PUT(k, "recipient-status", "rejected");
	else {
		block_count(k, k->msg->nrecipients + 1, 1);
		c->recipient->told |= k->bit;
	}
	block_recipient(k, c->recipient);
}

static void
put_files(struct sink *k)
{
	char	 path[SPOOL_PATH];

	PUT(k, "message-file", spool_path(k->spool, SPOOL_MESSAGE, path));
	PUT(k, "headers-file", spool_path(k->spool, SPOOL_HEADERS, path));
	PUT(k, "body-file", spool_path(k->spool, SPOOL_BODY, path));
}

static void
put_own(struct sink *k)
{
	struct session	*s = k->s;

	switch (k->event) {
	case EV_CONNECT:
		s->told_client |= k->bit;
		block_client(k);
		break;
	case EV_HELO:
		s->told_helo |= k->bit;
		block_helo(k);
		break;
	case EV_MAIL:
		k->msg->sender->told |= k->bit;
		block_sender(k);
		break;
	case EV_RCPT:
		put_asked(k);
		break;
	case EV_HEADER:
		PUT(k, "header-name", s->cur.header_name);
		PUT(k, "header-value", s->cur.header_value);
		break;
	case EV_END_OF_MESSAGE:
		if (s->neg->has_size && !k->msg->skipped)
			PUT_NUMBER(k, "size", k->msg->size);
		if (k->spool != NULL)
			put_files(k);
		break;
	case EV_UNKNOWN:
		PUT(k, "command", s->cur.command);
		break;
	case EV_DISCONNECT:
		PUT(k, "reason", s->cur.reason);
		break;
	default:
		break;
	}
}

static void
put_refusal(struct sink *k)
{
	const struct current	*c = &k->s->cur;
	struct buf		 b;

	buf_init(&b, SIZE_MAX);
	buf_printf(&b, "%s %d %s %s", verdict_name(c->verdict), c->smtp.code, c->smtp.enhanced,
	    c->smtp.text == NULL ? "" : c->smtp.text);
	buf_add_u8(&b, 0);
	PUT(k, "answer", (char *)b.data);
	buf_free(&b);
}

/* A report says what came of the event, where anybody could answer it. */
static void
put_answer(struct sink *k)
{
	const struct current	*c = &k->s->cur;

	if ((EV_BIT(c->event) & EV_ANSWERABLE) == 0 || c->rejected)
		return;
	if (c->smtp.code == 0)
		PUT(k, "answer", verdict_name(c->verdict));
	else
		put_refusal(k);
	if (c->answered_by >= 0)
		PUT(k, "answered-by", session_handler(k->s, (unsigned int)c->answered_by)->name);
}

const struct buf *
block_payload(const struct session *s, const struct handler_conf *h)
{
	return h->keep_newlines ? &s->cur.raw : &s->cur.lf;
}

static void
sink_init(struct sink *k, struct session *s, const struct task *t, struct buf *out)
{
	memset(k, 0, sizeof(*k));
	k->s = s;
	k->h = &s->h[t->index];
	k->event = t->event;
	k->out = out;
	k->spool = t->spool;
	k->lines = session_handler(s, t->index)->lines | block_own_lines(t->event);
	if (k->h->in_scope)
		k->bit = (uint64_t)1 << t->index;
	/* The macros of the next message may be here before the abort of this one. */
	k->complete = k->bit == 0 || t->begins ||
	    ((s->again & k->bit) != 0 && t->event != EV_ABORT);
}

static void
put_first(struct sink *k, const struct task *t)
{
	const char	*name = event_name(t->event);

	if (t->report)
		ADD(k->out, "report ");
	else
		ADD(k->out, "event ");
	buf_add(k->out, name, strlen(name));
	ADD(k->out, "\n");
	buf_add(k->out, k->s->first, k->s->first_len);
	if (session_handler(k->s, t->index)->concurrency > 1)
		PUT_NUMBER(k, "event-id", t->id);
}

static void
put_payload(struct sink *k, unsigned int index)
{
	const struct buf	*payload;

	if (k->event != EV_BODY) {
		ADD(k->out, "\n");
		return;
	}
	payload = block_payload(k->s, session_handler(k->s, index));
	PUT_NUMBER(k, "length", payload->len);
	ADD(k->out, "\n");
	buf_add(k->out, payload->data, payload->len);
}

void
block_encode(struct session *s, unsigned int index, struct task *t)
{
	struct sink	 k;
	int		 changed;

	sink_init(&k, s, t, &t->block);
	k.msg = s->message;
	changed = k.complete || (s->changed & k.bit) != 0;
	put_first(&k, t);
	t->state_at = t->block.len;
	block_session(&k, changed);
	t->own_at = t->block.len;
	put_own(&k);
	if (t->report)
		put_answer(&k);
	t->own_len = t->block.len - t->own_at;
	block_rest(&k, changed);
	t->state_len = t->block.len - t->state_at;
	put_payload(&k, index);
}

/* The old block with another state around the event's own lines. */
static void
replace_state(struct session *s, struct task *t)
{
	struct sink	 k;
	struct buf	 old = t->block;
	size_t		 own_at = t->own_at, end = t->state_at + t->state_len;

	buf_init(&t->block, old.max);
	sink_init(&k, s, t, &t->block);
	/*
	 * Blocks behind it say what was true when they were made, so that nothing
	 * that has changed since then counts as told.
	 */
	k.complete = 1;
	if (s->message != NULL && s->message->number == t->message_no)
		k.msg = s->message;
	if (k.msg != NULL && t->event == EV_RCPT)
		block_forget_recipients(&k);
	k.bit = 0;
	k.over = k.msg == NULL && (s->message != NULL || t->message_no != 0);
	buf_add(&t->block, old.data, t->state_at);
	block_session(&k, 1);
	t->own_at = t->block.len;
	buf_add(&t->block, old.data + own_at, t->own_len);
	block_rest(&k, 1);
	t->state_len = t->block.len - t->state_at;
	buf_add(&t->block, old.data + end, old.len - end);
	buf_free(&old);
}

void
block_restart(struct session *s, struct task *t)
{
	int	 in_hand = !t->report && !t->shadow && s->cur.asked == (int)t->index;

	/* All that it says is its own: no other event has come meanwhile. */
	if (t->input != NULL) {
		keep_encode(session_handler(s, t->index), t);
		return;
	}
	if (in_hand) {
		buf_reset(&t->block);
		block_encode(s, t->index, t);
	} else
		replace_state(s, t);
	buf_reset(&t->env);
	if (!session_handler(s, t->index)->reuse)
		block_environment(s, t, in_hand, &t->env);
}
