/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <string.h>

#include "block/sink.h"
#include "base/escape.h"

void
block_line(struct sink *k, const char *key, size_t len, const char *value)
{
	buf_add(k->out, key, len);
	escape(k->out, value, strlen(value));
	ADD(k->out, "\n");
}

void
block_number(struct sink *k, const char *key, size_t len, uint64_t n)
{
	char	 digits[24], *p = digits + sizeof(digits);

	*--p = '\n';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_add(k->out, key, len);
	buf_add(k->out, p, (size_t)(digits + sizeof(digits) - p));
}

/* 1 if it has to be told a fact that these handlers know; from now on it knows it. */
static int
tells(const struct sink *k, uint64_t *told)
{
	if (!k->complete && (*told & k->bit) != 0)
		return 0;
	*told |= k->bit;
	return 1;
}

void
block_client(struct sink *k)
{
	const struct session	*s = k->s;

	if (s->client_family == NULL)
		return;
	if (block_takes(k, LINE_CLIENT_HOST))
		PUT(k, "client-host", s->client_host);
	if (block_takes(k, LINE_CLIENT_ADDRESS) && s->client_address != NULL)
		PUT(k, "client-address", s->client_address);
	if (block_takes(k, LINE_CLIENT_PORT) && s->client_port >= 0)
		PUT_NUMBER(k, "client-port", (uint64_t)s->client_port);
	if (block_takes(k, LINE_CLIENT_FAMILY))
		PUT(k, "client-family", s->client_family);
}

void
block_helo(struct sink *k)
{
	if (block_takes(k, LINE_HELO) && k->s->helo != NULL)
		PUT(k, "helo", k->s->helo);
}

void
block_sender(struct sink *k)
{
	const struct mailbox	*m = k->msg->sender;
	size_t			 i;

	if (block_takes(k, LINE_SENDER))
		PUT(k, "sender", m->shown);
	if (block_takes(k, LINE_SENDER_DOMAIN))
		PUT(k, "sender-domain", m->domain);
	if (block_takes(k, LINE_SENDER_ARGUMENT))
		for (i = 0; i < m->nargs; i++)
			PUT(k, "sender-argument", m->args[i]);
}

void
block_recipient(struct sink *k, const struct mailbox *m)
{
	size_t	 i;

	if (block_takes(k, LINE_RECIPIENT))
		PUT(k, "recipient", m->shown);
	if (block_takes(k, LINE_RECIPIENT_DOMAIN))
		PUT(k, "recipient-domain", m->domain);
	if (block_takes(k, LINE_RECIPIENT_ARGUMENT))
		for (i = 0; i < m->nargs; i++)
			PUT(k, "recipient-argument", m->args[i]);
}

static void
forget_mailboxes(struct mailbox_list *list, uint64_t bit)
{
	struct mailbox	*m;

	TAILQ_FOREACH(m, list, entry)
		m->told &= ~bit;
}

void
block_forget_recipients(struct sink *k)
{
	forget_mailboxes(&k->msg->recipients, k->bit);
	k->s->changed |= k->bit;
}

/* Drops those of the refused that nobody has to hear of any more. */
static void
free_refused(struct message *msg)
{
	struct mailbox	*m, *next;

	TAILQ_FOREACH_SAFE(m, &msg->refused, entry, next)
		if (m->told == 0) {
			TAILQ_REMOVE(&msg->refused, m, entry);
			mailbox_free(m);
		}
}

/* The reader forgets everything. */
static void
forget(struct sink *k)
{
	struct session	*s = k->s;

	s->again &= ~k->bit;
	s->changed |= k->bit;
	s->told_client &= ~k->bit;
	s->told_helo &= ~k->bit;
	macros_untell(&s->macros, k->bit);
	context_untell(&s->context, k->bit);
	k->h->told_count = 0;
	if (k->msg == NULL)
		return;
	k->msg->sender->told &= ~k->bit;
	forget_mailboxes(&k->msg->recipients, k->bit);
	forget_mailboxes(&k->msg->refused, k->bit);
	free_refused(k->msg);
}

static void
put_refused(struct sink *k)
{
	struct mailbox	*m;

	TAILQ_FOREACH(m, &k->msg->refused, entry) {
		if ((m->told & k->bit) == 0)
			continue;
		m->told &= ~k->bit;
		if (block_takes(k, LINE_RECIPIENT_REFUSED))
			PUT(k, "recipient-refused", m->shown);
	}
	free_refused(k->msg);
}

void
block_count(struct sink *k, unsigned int count, int always)
{
	if (!always && (k->complete ? count == 0 : count == k->h->told_count))
		return;
	if (block_takes(k, LINE_RECIPIENTS))
		PUT_NUMBER(k, "recipients", count);
	if (k->bit != 0)
		k->h->told_count = count;
}

/* At rcpt there is only the one asked about, as a line of the event's own. */
static void
put_recipients(struct sink *k, int changed)
{
	struct mailbox	*m;

	block_count(k, k->msg->nrecipients, 0);
	if (!changed)
		return;
	TAILQ_FOREACH(m, &k->msg->recipients, entry)
		if (tells(k, &m->told))
			block_recipient(k, m);
}

void
block_session(struct sink *k, int changed)
{
	struct session	*s = k->s;

	if (k->complete) {
		ADD(k->out, "complete\n");
		if (k->bit != 0)
			forget(k);
	}
	if (changed) {
		if (k->event != EV_CONNECT && tells(k, &s->told_client))
			block_client(k);
		if (k->event != EV_HELO && tells(k, &s->told_helo))
			block_helo(k);
		if (k->msg != NULL && k->event != EV_MAIL && tells(k, &k->msg->sender->told))
			block_sender(k);
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

	if (!block_takes(k, LINE_MACRO) || (k->event == EV_ABORT && !k->complete))
		return;
	macro_delta_init(&d, &k->s->macros, k->bit, k->complete, k->over);
	while ((p = macro_delta_next(&d)) != NULL)
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
		if (block_takes(k, LINE_CONTEXT_UNSET))
			PUT(k, "context-unset", g->name);
		context_gone_told(c, g, k->bit);
	}
	TAILQ_FOREACH(v, &c->values, entry)
		if ((k->over ? !v->of_message : context_visible(c, v)) && tells(k, &v->told) &&
		    block_takes(k, LINE_CONTEXT))
			put_named(k, "context ", sizeof("context ") - 1, v->name,
			    strlen(v->name), v->value);
}

void
block_rest(struct sink *k, int changed)
{
	if (!changed)
		return;
	put_macros(k);
	put_context(k);
	/* At rcpt the other recipients were not told, in abort not the macros. */
	if (k->event != EV_RCPT && k->event != EV_ABORT)
		k->s->changed &= ~k->bit;
}
