/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/env.c: a session as the environment of a process that is started for it.
 */
#include "base/compat.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "block/block.h"
#include "config/handler_conf.h"
#include "state/ids.h"

/* An environment that is being written. */
struct env {
	struct session		*s;
	const struct message	*msg;		/* NULL: none, or it is over */
	int			 over;		/* the message of the task is over */
	unsigned int		 lines;		/* LINE_BITs that the handler wants_line */
	struct buf		*out;
	struct buf		 omitted;	/* names of variables left out */
};

static int
wants_line(const struct env *k, enum conf_line_name l)
{
	return (k->lines & LINE_BIT(l)) != 0;
}

/* Notes that a variable was left out. */
static void
omit(struct env *k, const char *name)
{
	buf_printf(&k->omitted, "%sMILTER_%s", k->omitted.len > 0 ? " " : "", name);
}

/* name: without MILTER_. value: escaped already. */
static void
var_escaped(struct env *k, const char *name, const void *value, size_t len)
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
var(struct env *k, const char *name, const char *value)
{
	struct buf	 b;

	if (value == NULL)
		return;
	buf_init(&b, SIZE_MAX);
	escape(&b, value, strlen(value));
	var_escaped(k, name, b.data, b.len);
	buf_free(&b);
}

static void
var_number(struct env *k, const char *name, uint64_t n)
{
	struct buf	 digits;

	buf_init(&digits, SIZE_MAX);
	buf_add_number(&digits, n);
	var_escaped(k, name, digits.data, digits.len);
	buf_free(&digits);
}

static void
var_first(struct env *k, const struct task *t)
{
	var(k, "EVENT", event_name(t->event));
	var(k, "SESSION", k->s->id);
	if (k->msg != NULL)
		var(k, "MESSAGE", k->msg->id);
	if (!k->over)
		var(k, "QUEUE_ID", ids_queue_id(k->s));
}

static void
var_client(struct env *k)
{
	const struct session	*s = k->s;

	if (s->client_family == NULL)
		return;
	if (wants_line(k, LINE_CLIENT_HOST))
		var(k, "CLIENT_HOST", s->client_host);
	if (wants_line(k, LINE_CLIENT_ADDRESS))
		var(k, "CLIENT_ADDRESS", s->client_address);
	if (wants_line(k, LINE_CLIENT_PORT) && s->client_port >= 0)
		var_number(k, "CLIENT_PORT", (uint64_t)s->client_port);
	if (wants_line(k, LINE_CLIENT_FAMILY))
		var(k, "CLIENT_FAMILY", s->client_family);
}

static void
var_sender(struct env *k)
{
	if (k->msg == NULL)
		return;
	if (wants_line(k, LINE_SENDER))
		var(k, "SENDER", k->msg->sender->shown);
	if (wants_line(k, LINE_SENDER_DOMAIN))
		var(k, "SENDER_DOMAIN", k->msg->sender->domain);
}

/* The recipients, one a line; at rcpt only the one that it is about. */
static void
var_list(struct env *k, const struct mailbox *asked)
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
	var_escaped(k, "RECIPIENTS", all.data, all.len);
	buf_free(&all);
}

static void
var_recipients(struct env *k, const struct mailbox *asked)
{
	const struct mailbox	*last = asked;
	unsigned int		 count;

	if (k->msg == NULL)
		return;
	count = k->msg->nrecipients + (asked != NULL && !k->s->cur.rejected);
	if (wants_line(k, LINE_RECIPIENTS) && count > 0)
		var_number(k, "RECIPIENT_COUNT", count);
	if (last == NULL && (last = TAILQ_LAST(&k->msg->recipients, mailbox_list)) == NULL)
		return;
	if (wants_line(k, LINE_RECIPIENT))
		var(k, "RECIPIENT", last->shown);
	if (wants_line(k, LINE_RECIPIENT_DOMAIN))
		var(k, "RECIPIENT_DOMAIN", last->domain);
	if (wants_line(k, LINE_RECIPIENT))
		var_list(k, asked);
}

static void
var_own(struct env *k)
{
	const struct current	*c = &k->s->cur;

	var(k, "HEADER_NAME", c->header_name);
	var(k, "HEADER_VALUE", c->header_value);
	var(k, "COMMAND", c->command);
	if (c->event == EV_END_OF_MESSAGE && k->s->neg->has_size && k->msg != NULL &&
	    !k->msg->skipped)
		var_number(k, "SIZE", k->msg->size);
}

/*
 * One variable of a set: "MACRO_" or "CONTEXT_" and the name, where what the name of a
 * variable can't hold becomes _.
 */
static void
var_named(struct env *k, const char *prefix, const char *name, size_t len, const char *value)
{
	char	 full[128], taken[140], *p;
	int	 n;

	n = snprintf(full, sizeof(full), "%s_%.*s", prefix, (int)len, name);
	if (n < 0 || (size_t)n >= sizeof(full))
		return;
	for (p = full; *p != '\0'; p++)
		if (!isascii((unsigned char)*p) || !isalnum((unsigned char)*p))
			*p = '_';
	/*
	 * Two names may have become the same: the first one stands. The search includes
	 * the NUL before the name, so that no value can look like a name.
	 */
	taken[0] = '\0';
	n = snprintf(taken + 1, sizeof(taken) - 1, "MILTER_%s=", full);
	if (memmem(k->out->data, k->out->len, taken, (size_t)n + 1) == NULL)
		var(k, full, value);
}

static void
var_macros(struct env *k)
{
	struct macro_iter	 it;
	const struct macro_pair	*p;

	macros_iter_init(&it, &k->s->macros);
	while ((p = macros_iter_next(&it)) != NULL)
		var_named(k, "MACRO", p->name, p->name_len, p->value);
}

static void
var_context(struct env *k)
{
	const struct context_value	*v;

	TAILQ_FOREACH(v, &k->s->context.values, entry)
		if (context_visible(&k->s->context, v))
			var_named(k, "CONTEXT", v->name, strlen(v->name), v->value);
}

static void
var_files(struct env *k, const struct spool *sp)
{
	char	 path[SPOOL_PATH];

	if (sp == NULL)
		return;
	var(k, "MESSAGE_FILE", spool_path(sp, SPOOL_MESSAGE, path));
	var(k, "HEADERS_FILE", spool_path(sp, SPOOL_HEADERS, path));
	var(k, "BODY_FILE", spool_path(sp, SPOOL_BODY, path));
}

static void
var_all(struct env *k, const struct task *t, int own)
{
	var_first(k, t);
	var_client(k);
	if (wants_line(k, LINE_HELO))
		var(k, "HELO", k->s->helo);
	var_sender(k);
	var_recipients(k, own ? k->s->cur.recipient : NULL);
	if (own)
		var_own(k);
	var_files(k, t->spool);
	if (k->over)
		return;
	if (wants_line(k, LINE_MACRO))
		var_macros(k);
	if (wants_line(k, LINE_CONTEXT))
		var_context(k);
}

void
block_environment(struct session *s, const struct task *t, int own, struct buf *out)
{
	struct env	 k = { .s = s, .out = out };

	if (s->message != NULL && s->message->number == t->message_no)
		k.msg = s->message;
	k.over = k.msg == NULL && (s->message != NULL || t->message_no != 0) && !own;
	buf_init(&k.omitted, ENV_MAX_VALUE);
	k.lines = conf_handler_lines(session_handler(s, t->index), t->event);
	var_all(&k, t, own);
	if (k.omitted.len > 0) {
		buf_add_str(out, "MILTER_OMITTED=");
		buf_add(out, k.omitted.data, k.omitted.len);
		buf_add_u8(out, 0);
	}
	buf_free(&k.omitted);
}
