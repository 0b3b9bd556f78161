/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "block/block.h"
#include "base/escape.h"

struct sink {
	struct session		*s;
	const struct message	*msg;		/* NULL: none, or it is over */
	int			 over;		/* what is there belongs to another message */
	unsigned int		 lines;		/* LINE_BITs that it takes */
	struct buf		*out;
	struct buf		 omitted;	/* names of variables left out */
};

static int
takes(const struct sink *k, enum conf_line_name l)
{
	return (k->lines & LINE_BIT(l)) != 0;
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

	if (value == NULL)
		return;
	buf_init(&b, SIZE_MAX);
	escape(&b, value, strlen(value));
	put_var_escaped(k, name, b.data, b.len);
	buf_free(&b);
}

static void
put_number(struct sink *k, const char *name, uint64_t n)
{
	char	 digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	put_var(k, name, digits);
}

static void
put_first(struct sink *k, const struct task *t)
{
	put_var(k, "EVENT", event_name(t->event));
	put_var(k, "SESSION", k->s->id);
	if (k->msg != NULL)
		put_var(k, "MESSAGE", k->msg->id);
	if (!k->over)
		put_var(k, "QUEUE_ID", session_queue_id(k->s));
}

static void
put_client(struct sink *k)
{
	const struct session	*s = k->s;

	if (s->client_family == NULL)
		return;
	if (takes(k, LINE_CLIENT_HOST))
		put_var(k, "CLIENT_HOST", s->client_host);
	if (takes(k, LINE_CLIENT_ADDRESS))
		put_var(k, "CLIENT_ADDRESS", s->client_address);
	if (takes(k, LINE_CLIENT_PORT) && s->client_port >= 0)
		put_number(k, "CLIENT_PORT", (uint64_t)s->client_port);
	if (takes(k, LINE_CLIENT_FAMILY))
		put_var(k, "CLIENT_FAMILY", s->client_family);
}

static void
put_sender(struct sink *k)
{
	if (k->msg == NULL)
		return;
	if (takes(k, LINE_SENDER))
		put_var(k, "SENDER", k->msg->sender->shown);
	if (takes(k, LINE_SENDER_DOMAIN))
		put_var(k, "SENDER_DOMAIN", k->msg->sender->domain);
}

/* All, one a line; at rcpt the one asked about. */
static void
put_list(struct sink *k, const struct mailbox *asked)
{
	const struct mailbox	*m;
	struct buf		 all;

	buf_init(&all, SIZE_MAX);
	if (asked != NULL)
		escape(&all, asked->shown, strlen(asked->shown));
	else
		TAILQ_FOREACH(m, &k->msg->recipients, entry) {
			if (all.len > 0)
				buf_add_str(&all, "\n");
			escape(&all, m->shown, strlen(m->shown));
		}
	put_var_escaped(k, "RECIPIENTS", all.data, all.len);
	buf_free(&all);
}

static void
put_recipients(struct sink *k, const struct mailbox *asked)
{
	const struct mailbox	*last = asked;
	unsigned int		 count;

	if (k->msg == NULL)
		return;
	count = k->msg->nrecipients + (asked != NULL && !k->s->cur.rejected);
	if (takes(k, LINE_RECIPIENTS) && count > 0)
		put_number(k, "RECIPIENT_COUNT", count);
	if (last == NULL && (last = TAILQ_LAST(&k->msg->recipients, mailbox_list)) == NULL)
		return;
	if (takes(k, LINE_RECIPIENT))
		put_var(k, "RECIPIENT", last->shown);
	if (takes(k, LINE_RECIPIENT_DOMAIN))
		put_var(k, "RECIPIENT_DOMAIN", last->domain);
	if (takes(k, LINE_RECIPIENT))
		put_list(k, asked);
}

static void
put_own(struct sink *k)
{
	const struct current	*c = &k->s->cur;

	put_var(k, "HEADER_NAME", c->header_name);
	put_var(k, "HEADER_VALUE", c->header_value);
	put_var(k, "COMMAND", c->command);
	if (c->event == EV_END_OF_MESSAGE && k->s->neg->has_size && k->msg != NULL &&
	    !k->msg->skipped)
		put_number(k, "SIZE", k->msg->size);
}

/* "MACRO_" or "CONTEXT_" and the name; what a variable's name can't hold becomes _. */
static void
put_named(struct sink *k, const char *prefix, const char *name, size_t len, const char *value)
{
	char	 var[128], taken[140], *p;
	int	 n;

	n = snprintf(var, sizeof(var), "%s_%.*s", prefix, (int)len, name);
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
put_macros(struct sink *k)
{
	struct macro_iter	 it;
	const struct macro_pair	*p;

	macro_iter_init(&it, &k->s->macros);
	while ((p = macro_iter_next(&it)) != NULL)
		put_named(k, "MACRO", p->name, p->name_len, p->value);
}

static void
put_context(struct sink *k)
{
	const struct context_value	*v;

	TAILQ_FOREACH(v, &k->s->context.values, entry)
		if (context_visible(&k->s->context, v))
			put_named(k, "CONTEXT", v->name, strlen(v->name), v->value);
}

static void
put_files(struct sink *k, const struct spool *sp)
{
	char	 path[SPOOL_PATH];

	if (sp == NULL)
		return;
	put_var(k, "MESSAGE_FILE", spool_path(sp, SPOOL_MESSAGE, path));
	put_var(k, "HEADERS_FILE", spool_path(sp, SPOOL_HEADERS, path));
	put_var(k, "BODY_FILE", spool_path(sp, SPOOL_BODY, path));
}

static void
walk(struct sink *k, const struct task *t, int own)
{
	put_first(k, t);
	put_client(k);
	if (takes(k, LINE_HELO))
		put_var(k, "HELO", k->s->helo);
	put_sender(k);
	put_recipients(k, own ? k->s->cur.recipient : NULL);
	if (own)
		put_own(k);
	put_files(k, t->spool);
	if (k->over)
		return;
	if (takes(k, LINE_MACRO))
		put_macros(k);
	if (takes(k, LINE_CONTEXT))
		put_context(k);
}

void
block_environment(struct session *s, const struct task *t, int own, struct buf *out)
{
	struct sink	 k = { .s = s, .out = out };

	if (s->message != NULL && s->message->number == t->message_no)
		k.msg = s->message;
	k.over = k.msg == NULL && (s->message != NULL || t->message_no != 0) && !own;
	buf_init(&k.omitted, ENV_MAX_VALUE);
	k.lines = session_handler(s, t->index)->lines | block_own_lines(t->event);
	walk(&k, t, own);
	if (k.omitted.len > 0) {
		buf_add_str(out, "MILTER_OMITTED=");
		buf_add(out, k.omitted.data, k.omitted.len);
		buf_add_u8(out, 0);
	}
	buf_free(&k.omitted);
}
