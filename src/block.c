/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "block.h"
#include "escape.h"

#define BITS_CLIENT	(LINE_BIT(LINE_CLIENT_HOST) | LINE_BIT(LINE_CLIENT_FAMILY) | \
			    LINE_BIT(LINE_CLIENT_ADDRESS) | LINE_BIT(LINE_CLIENT_PORT))
#define BITS_SENDER	(LINE_BIT(LINE_SENDER) | LINE_BIT(LINE_SENDER_DOMAIN) | \
			    LINE_BIT(LINE_SENDER_ARGUMENT))
#define BITS_RCPT	(LINE_BIT(LINE_RECIPIENT) | LINE_BIT(LINE_RECIPIENT_DOMAIN) | \
			    LINE_BIT(LINE_RECIPIENT_ARGUMENT) | LINE_BIT(LINE_RECIPIENTS))

/* The lines of an event itself, which the option `lines' can't take away. */
static const unsigned int own_lines[EV_COUNT] = {
	[EV_CONNECT] = BITS_CLIENT,
	[EV_HELO] = LINE_BIT(LINE_HELO),
	[EV_MAIL] = BITS_SENDER,
	[EV_RCPT] = BITS_RCPT,
};

/*
 * One walk over the session serves both forms, so that they can't differ: a
 * sink writes each value as a line or as a variable.
 */
struct sink {
	const struct session	*s;
	unsigned int		 lines;		/* LINE_BITs that it takes */
	int			 env;
	struct buf		*out;
	struct buf		 omitted;	/* names of variables left out */
};

static int
takes(const struct sink *k, enum line_name l)
{
	return (k->lines & LINE_BIT(l)) != 0;
}

static void
put_line(struct sink *k, const char *key, const char *value)
{
	buf_add_str(k->out, key);
	buf_add_str(k->out, " ");
	escape(k->out, value, strlen(value));
	buf_add_str(k->out, "\n");
}

static void
omit(struct sink *k, const char *name)
{
	buf_printf(&k->omitted, "%sMILTER_%s", k->omitted.len > 0 ? " " : "", name);
}

/* name without its prefix; value as it will stand there. */
static void
put_var_escaped(struct sink *k, const char *name, const void *value, size_t len)
{
	if (len > ENV_MAX_VALUE ||
	    k->out->len + strlen(name) + len + sizeof("MILTER_=") > ENV_MAX_ALL) {
		omit(k, name);
		return;
	}
	buf_printf(k->out, "MILTER_%s=", name);
	buf_add(k->out, value, len);
	buf_add_u8(k->out, 0);
}

static void
put_var(struct sink *k, const char *name, const char *value)
{
	struct buf	 b;

	buf_init(&b, SIZE_MAX);
	escape(&b, value, strlen(value));
	put_var_escaped(k, name, b.data, b.len);
	buf_free(&b);
}

static void
put(struct sink *k, const char *key, const char *var, const char *value)
{
	if (value == NULL)
		return;
	if (!k->env)
		put_line(k, key, value);
	else if (var != NULL)
		put_var(k, var, value);
}

static void
put_number(struct sink *k, const char *key, const char *var, uint64_t n)
{
	char	 digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	put(k, key, var, digits);
}

static void
put_first_lines(struct sink *k, int report)
{
	put(k, report ? "report" : "event", "EVENT", event_name(k->s->cur.event));
	put(k, "session", "SESSION", k->s->id);
	if (k->s->message != NULL)
		put(k, "message", "MESSAGE", k->s->message->id);
	if (k->env)
		put(k, NULL, "QUEUE_ID", session_queue_id(k->s));
	else
		buf_add_str(k->out, "complete\n");
}

static void
put_client(struct sink *k)
{
	const struct session	*s = k->s;

	if (s->client_family == NULL)
		return;
	if (takes(k, LINE_CLIENT_HOST))
		put(k, "client-host", "CLIENT_HOST", s->client_host);
	if (takes(k, LINE_CLIENT_ADDRESS))
		put(k, "client-address", "CLIENT_ADDRESS", s->client_address);
	if (takes(k, LINE_CLIENT_PORT) && s->client_port >= 0)
		put_number(k, "client-port", "CLIENT_PORT", (uint64_t)s->client_port);
	if (takes(k, LINE_CLIENT_FAMILY))
		put(k, "client-family", "CLIENT_FAMILY", s->client_family);
	if (takes(k, LINE_HELO))
		put(k, "helo", "HELO", s->helo);
}

static void
put_sender(struct sink *k)
{
	const struct mailbox	*m;
	size_t			 i;

	if (k->s->message == NULL)
		return;
	m = k->s->message->sender;
	if (takes(k, LINE_SENDER))
		put(k, "sender", "SENDER", m->shown);
	if (takes(k, LINE_SENDER_DOMAIN))
		put(k, "sender-domain", "SENDER_DOMAIN", m->domain);
	if (takes(k, LINE_SENDER_ARGUMENT))
		for (i = 0; i < m->nargs; i++)
			put(k, "sender-argument", NULL, m->args[i]);
}

static void
put_recipient_lines(struct sink *k, const struct mailbox *m)
{
	size_t	 i;

	if (takes(k, LINE_RECIPIENT))
		put(k, "recipient", NULL, m->shown);
	if (takes(k, LINE_RECIPIENT_DOMAIN))
		put(k, "recipient-domain", NULL, m->domain);
	if (takes(k, LINE_RECIPIENT_ARGUMENT))
		for (i = 0; i < m->nargs; i++)
			put(k, "recipient-argument", NULL, m->args[i]);
}

/* The last recipient by itself, and in one variable all, one a line. */
static void
put_recipient_vars(struct sink *k, const struct mailbox *last)
{
	const struct mailbox	*m;
	struct buf		 all;

	if (takes(k, LINE_RECIPIENT))
		put(k, NULL, "RECIPIENT", last->shown);
	if (takes(k, LINE_RECIPIENT_DOMAIN))
		put(k, NULL, "RECIPIENT_DOMAIN", last->domain);
	if (!takes(k, LINE_RECIPIENT))
		return;
	buf_init(&all, SIZE_MAX);
	if (k->s->cur.recipient != NULL)
		escape(&all, last->shown, strlen(last->shown));
	else
		TAILQ_FOREACH(m, &k->s->message->recipients, entry) {
			if (all.len > 0)
				buf_add_str(&all, "\n");
			escape(&all, m->shown, strlen(m->shown));
		}
	put_var_escaped(k, "RECIPIENTS", all.data, all.len);
	buf_free(&all);
}

static void
put_recipients(struct sink *k)
{
	const struct message	*msg = k->s->message;
	const struct mailbox	*m, *asked = k->s->cur.recipient;
	unsigned int		 count;

	if (msg == NULL)
		return;
	count = msg->nrecipients + (asked != NULL);
	if (takes(k, LINE_RECIPIENTS) && count > 0)
		put_number(k, "recipients", "RECIPIENT_COUNT", count);
	if (count == 0)
		return;
	if (k->env) {
		put_recipient_vars(k, asked != NULL ? asked :
		    TAILQ_LAST(&msg->recipients, mailbox_list));
		return;
	}
	if (asked != NULL)
		put_recipient_lines(k, asked);
	else
		TAILQ_FOREACH(m, &msg->recipients, entry)
			put_recipient_lines(k, m);
}

static void
put_own(struct sink *k)
{
	const struct session	*s = k->s;

	switch (s->cur.event) {
	case EV_HEADER:
		put(k, "header-name", "HEADER_NAME", s->cur.header_name);
		put(k, "header-value", "HEADER_VALUE", s->cur.header_value);
		break;
	case EV_END_OF_MESSAGE:
		if (s->neg->has_size && s->message != NULL && !s->message->skipped)
			put_number(k, "size", "SIZE", s->message->size);
		break;
	case EV_UNKNOWN:
		put(k, "command", "COMMAND", s->cur.command);
		break;
	case EV_DISCONNECT:
		put(k, "reason", NULL, s->cur.reason);
		break;
	default:
		break;
	}
}

/* A report says what came of the event, where anybody could answer it. */
static void
put_answer(struct sink *k)
{
	const struct current	*c = &k->s->cur;
	struct buf		 b;

	if ((EV_BIT(c->event) & EV_ANSWERABLE) == 0)
		return;
	buf_init(&b, SIZE_MAX);
	buf_add_str(&b, verdict_name(c->verdict));
	if (c->smtp.code != 0)
		buf_printf(&b, " %d %s %s", c->smtp.code, c->smtp.enhanced,
		    c->smtp.text == NULL ? "" : c->smtp.text);
	buf_add_u8(&b, 0);
	put(k, "answer", NULL, (char *)b.data);
	buf_free(&b);
	if (c->answered_by >= 0)
		put(k, "answered-by", NULL,
		    session_handler(k->s, (unsigned int)c->answered_by)->name);
}

/* "MACRO_" or "CONTEXT_" and the name; what a variable's name can't hold becomes _. */
static void
put_named_var(struct sink *k, const char *prefix, const char *name, const char *value)
{
	char	 var[128], taken[140], *p;
	int	 n;

	n = snprintf(var, sizeof(var), "%s_%s", prefix, name);
	if (n < 0 || (size_t)n >= sizeof(var))
		return;
	for (p = var; *p != '\0'; p++)
		if (!isascii((unsigned char)*p) || !isalnum((unsigned char)*p))
			*p = '_';
	/* Two names may have become one: the first stands. Looked for with the NUL
	   before it, so that no value can look like a name. */
	taken[0] = '\0';
	n = snprintf(taken + 1, sizeof(taken) - 1, "MILTER_%s=", var);
	if (memmem(k->out->data, k->out->len, taken, (size_t)n + 1) == NULL)
		put_var(k, var, value);
}

static void
put_named(struct sink *k, const char *key, const char *prefix, const char *name,
    const char *value)
{
	if (k->env) {
		put_named_var(k, prefix, name, value);
		return;
	}
	buf_printf(k->out, "%s ", key);
	escape(k->out, name, strlen(name));
	buf_add_str(k->out, " ");
	escape(k->out, value, strlen(value));
	buf_add_str(k->out, "\n");
}

static void
put_macros(struct sink *k)
{
	struct macro_iter	 it;
	const char		*name, *value;

	macro_iter_init(&it, &k->s->macros);
	while (macro_iter_next(&it, &name, &value))
		put_named(k, "macro", "MACRO", name, value);
}

static void
put_context(struct sink *k)
{
	const struct context_value	*v;

	TAILQ_FOREACH(v, &k->s->context.values, entry)
		if (context_visible(&k->s->context, v))
			put_named(k, "context", "CONTEXT", v->name, v->value);
}

static void
walk(struct sink *k, int report)
{
	put_first_lines(k, report);
	put_client(k);
	put_sender(k);
	put_recipients(k);
	put_own(k);
	if (report)
		put_answer(k);
	if (takes(k, LINE_MACRO))
		put_macros(k);
	if (takes(k, LINE_CONTEXT))
		put_context(k);
}

const struct buf *
block_payload(const struct session *s, const struct handler_conf *h)
{
	return h->keep_newlines ? &s->cur.raw : &s->cur.lf;
}

void
block_encode(const struct session *s, const struct handler_conf *h, int report,
    struct buf *out)
{
	struct sink		 k = { .s = s, .out = out };
	const struct buf	*payload;

	k.lines = h->lines | own_lines[s->cur.event];
	walk(&k, report);
	if (s->cur.event != EV_BODY) {
		buf_add_str(out, "\n");
		return;
	}
	payload = block_payload(s, h);
	buf_printf(out, "length %zu\n\n", payload->len);
	buf_add(out, payload->data, payload->len);
}

void
block_environment(const struct session *s, const struct handler_conf *h, struct buf *out)
{
	struct sink	 k = { .s = s, .env = 1, .out = out };

	buf_init(&k.omitted, ENV_MAX_VALUE);
	k.lines = h->lines | own_lines[s->cur.event];
	walk(&k, 0);
	if (k.omitted.len > 0) {
		buf_add_str(out, "MILTER_OMITTED=");
		buf_add(out, k.omitted.data, k.omitted.len);
		buf_add_u8(out, 0);
	}
	buf_free(&k.omitted);
}
