/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/block.c: the blocks that processes read: events and reports with the lines of what
 * is known of the session.
 */
#include "base/compat.h"

#include <string.h>

#include "base/escape.h"
#include "base/newline.h"
#include "block/block.h"
#include "block/sink.h"
#include "config/handler_conf.h"
#include "state/known.h"

#define ADD(b, text)	buf_add((b), (text), sizeof(text) - 1)
#define PUT(k, key, value)	put_line((k), key " ", sizeof(key " ") - 1, (value))
#define PUT_NUMBER(k, key, n)	put_number((k), key " ", sizeof(key " ") - 1, (n))

/* 1 if the option `lines' of the handler, or the event itself, wants such lines. */
static int
takes(const struct sink *k, enum conf_line_name l)
{
	return (k->lines & LINE_BIT(l)) != 0;
}

/* One line. key: with its blank, len bytes. */
static void
put_line(struct sink *k, const char *key, size_t len, const char *value)
{
	buf_add(k->out, key, len);
	escape(k->out, value, strlen(value));
	ADD(k->out, "\n");
}

static void
put_number(struct sink *k, const char *key, size_t len, uint64_t n)
{
	buf_add(k->out, key, len);
	buf_add_number(k->out, n);
	ADD(k->out, "\n");
}

/* 1 if the block has to say a fact. told: who knows the fact, from now on the reader too. */
static int
tells(const struct sink *k, uint64_t *told)
{
	if (!k->complete && (*told & k->bit) != 0)
		return 0;
	*told |= k->bit;
	return 1;
}

static void
put_client(struct sink *k)
{
	const struct session	*s = k->s;

	if (s->client_family == NULL)
		return;
	if (takes(k, LINE_CLIENT_HOST))
		PUT(k, "client-host", s->client_host);
	if (takes(k, LINE_CLIENT_ADDRESS) && s->client_address != NULL)
		PUT(k, "client-address", s->client_address);
	if (takes(k, LINE_CLIENT_PORT) && s->client_port >= 0)
		PUT_NUMBER(k, "client-port", (uint64_t)s->client_port);
	if (takes(k, LINE_CLIENT_FAMILY))
		PUT(k, "client-family", s->client_family);
}

static void
put_helo(struct sink *k)
{
	if (takes(k, LINE_HELO) && k->s->helo != NULL)
		PUT(k, "helo", k->s->helo);
}

static void
put_sender(struct sink *k)
{
	const struct mailbox	*m = k->msg->sender;
	size_t			 i;

	if (takes(k, LINE_SENDER))
		PUT(k, "sender", m->shown);
	if (takes(k, LINE_SENDER_DOMAIN))
		PUT(k, "sender-domain", m->domain);
	if (takes(k, LINE_SENDER_ARGUMENT))
		for (i = 0; i < m->nargs; i++)
			PUT(k, "sender-argument", m->args[i]);
}

void
block_put_recipient(struct sink *k, const struct mailbox *m)
{
	size_t	 i;

	if (takes(k, LINE_RECIPIENT))
		PUT(k, "recipient", m->shown);
	if (takes(k, LINE_RECIPIENT_DOMAIN))
		PUT(k, "recipient-domain", m->domain);
	if (takes(k, LINE_RECIPIENT_ARGUMENT))
		for (i = 0; i < m->nargs; i++)
			PUT(k, "recipient-argument", m->args[i]);
}

/* How many recipients there are, unless the reader knows that and it need not be said always. */
static void
put_count(struct sink *k, unsigned int count, int always)
{
	if (!always && (k->complete ? count == 0 : count == k->h->told_count))
		return;
	if (takes(k, LINE_RECIPIENTS))
		PUT_NUMBER(k, "recipients", count);
	if (k->bit != 0)
		k->h->told_count = count;
}

/* The recipients of the message. At rcpt only the one in question is said, as an own line. */
static void
put_recipients(struct sink *k, int changed)
{
	struct mailbox	*m;

	put_count(k, k->msg->nrecipients, 0);
	if (!changed)
		return;
	TAILQ_FOREACH(m, &k->msg->recipients, entry)
		if (k->again ? !m->own : tells(k, &m->told))
			block_put_recipient(k, m);
}

static void
put_refused(struct sink *k)
{
	struct mailbox	*m;

	TAILQ_FOREACH(m, &k->msg->refused, entry) {
		if ((m->told & k->bit) == 0)
			continue;
		m->told &= ~k->bit;
		if (takes(k, LINE_RECIPIENT_REFUSED))
			PUT(k, "recipient-refused", m->shown);
	}
	known_free_refused(k->msg);
}

void
block_put_before_own(struct sink *k, int changed)
{
	struct session	*s = k->s;

	if (k->complete) {
		ADD(k->out, "complete\n");
		if (k->bit != 0)
			known_forget(s, k->h->index);
	}
	if (changed) {
		if (k->event != EV_CONNECT && tells(k, &s->told_client))
			put_client(k);
		if (k->event != EV_HELO && tells(k, &s->told_helo))
			put_helo(k);
		if (k->msg != NULL && k->event != EV_MAIL && tells(k, &k->msg->sender->told))
			put_sender(k);
		if (k->msg != NULL && !k->complete)
			put_refused(k);
	}
	if (k->msg != NULL && k->event != EV_RCPT)
		put_recipients(k, changed);
}

static void
put_named(struct sink *k, const char *key, size_t len, const char *name, size_t name_len,
    const char *value)
{
	buf_add(k->out, key, len);
	escape(k->out, name, name_len);
	ADD(k->out, " ");
	escape(k->out, value, strlen(value));
	ADD(k->out, "\n");
}

static void
put_macros(struct sink *k)
{
	struct macro_delta	 d;
	const struct macro_pair	*p;

	if (!takes(k, LINE_MACRO) || (k->event == EV_ABORT && !k->complete))
		return;
	macros_delta_init(&d, &k->s->macros, k->bit, k->complete, k->over);
	while ((p = macros_delta_next(&d)) != NULL)
		put_named(k, "macro ", sizeof("macro ") - 1, p->name, p->name_len, p->value);
}

static void
put_context(struct sink *k)
{
	struct context		*c = &k->s->context;
	struct context_gone	*g, *next;
	struct context_value	*v;

	TAILQ_FOREACH_SAFE(g, &c->gone, entry, next) {
		if (k->complete || (g->told & k->bit) == 0)
			continue;
		if (takes(k, LINE_CONTEXT_UNSET))
			PUT(k, "context-unset", g->name);
		context_gone_told(c, g, k->bit);
	}
	TAILQ_FOREACH(v, &c->values, entry)
		if ((k->over ? !v->of_message : context_visible(c, v)) && tells(k, &v->told) &&
		    takes(k, LINE_CONTEXT))
			put_named(k, "context ", sizeof("context ") - 1, v->name,
			    strlen(v->name), v->value);
}

void
block_put_after_own(struct sink *k, int changed)
{
	if (!changed)
		return;
	put_macros(k);
	put_context(k);
	/* A block of rcpt left the other recipients out, one of abort the macros. */
	if (k->event != EV_RCPT && k->event != EV_ABORT)
		known_told_all(k->s, k->bit);
}

/* The recipient that rcpt is about. */
static void
put_asked(struct sink *k)
{
	const struct current	*c = &k->s->cur;

	if (c->recipient == NULL)
		return;
	if (c->rejected)
		PUT(k, "recipient-status", "rejected");
	else {
		put_count(k, k->msg->nrecipients + 1, 1);
		c->recipient->told |= k->bit;
	}
	block_put_recipient(k, c->recipient);
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
		put_client(k);
		break;
	case EV_HELO:
		s->told_helo |= k->bit;
		put_helo(k);
		break;
	case EV_MAIL:
		k->msg->sender->told |= k->bit;
		put_sender(k);
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

/* The lines of a report about the answer, if the event had one. */
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

void
block_sink_init(struct sink *k, struct session *s, const struct task *t, struct buf *out)
{
	memset(k, 0, sizeof(*k));
	k->s = s;
	k->h = &s->h[t->index];
	k->event = t->event;
	k->out = out;
	k->spool = t->spool;
	k->lines = conf_handler_lines(session_handler(s, t->index), t->event);
	if (k->h->in_scope)
		k->bit = known_bit(t->index);
	/*
	 * An abort is told as it is: the macros of the next message may be here before the
	 * abort of this one, and a complete block would say them.
	 */
	k->complete = k->bit == 0 || t->begins ||
	    (known_is_wrong(s, k->bit) && t->event != EV_ABORT);
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

	block_sink_init(&k, s, t, &t->block);
	k.msg = s->message;
	t->complete = k.complete;
	if (k.event == EV_RCPT && s->cur.recipient != NULL && !s->cur.rejected)
		t->recipient = s->cur.recipient->number;
	changed = k.complete || known_has_news(s, k.bit);
	put_first(&k, t);
	t->state_at = t->block.len;
	block_put_before_own(&k, changed);
	t->own_at = t->block.len;
	put_own(&k);
	if (t->report)
		put_answer(&k);
	t->own_len = t->block.len - t->own_at;
	block_put_after_own(&k, changed);
	t->state_len = t->block.len - t->state_at;
	put_payload(&k, index);
}

void
block_before_message(const struct handler_conf *h, struct task *t)
{
	struct newline	 nl;

	buf_reset(&t->block);
	if (t->received == NULL)
		return;
	newline_init(&nl);
	if (h->keep_newlines)
		buf_add_str(&t->block, t->received);
	else
		newline_to_lf(&nl, t->received, strlen(t->received), &t->block);
}
