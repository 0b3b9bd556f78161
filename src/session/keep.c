/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <string.h>
#include <time.h>

#include "session/received.h"
#include "session/parts.h"
#include "base/xmalloc.h"

/* 1 unless the handler at an index hears nothing more of this message. */
static int
still_wants(const struct session *s, unsigned int index)
{
	const struct hstate	*h = &s->h[index];

	return (s->keeps >> index & 1) != 0 && h->missing == NULL && !h->excluded &&
	    !h->excluded_auth && !h->large && !h->accepted_session && !h->accepted_message &&
	    !h->failed;
}

/*
 * The store of the message in hand, or NULL. What nobody wanted from the first
 * line on, nobody will: a handler that has left does not come back.
 */
static struct store *
wanted(struct session *s)
{
	struct message	*msg = s->message;
	unsigned int	 i;

	for (i = 0; i < s->nh; i++)
		if (still_wants(s, i))
			break;
	if (i < s->nh && msg->store == NULL)
		msg->store = store_new();
	else if (i == s->nh) {
		store_release(msg->store);
		msg->store = NULL;
	}
	return msg->store;
}

/* A folded value has LF, or CRLF, within it. */
static void
add_value(struct store *st, const char *value)
{
	const char	*lf, *end;

	while ((lf = strchr(value, '\n')) != NULL) {
		end = lf > value && lf[-1] == '\r' ? lf - 1 : lf;
		store_add(st, value, (size_t)(end - value));
		store_add(st, "\r\n", 2);
		value = lf + 1;
		/* It would begin something new. */
		if (*value != ' ' && *value != '\t')
			store_add(st, "\t", 1);
	}
	store_add(st, value, strlen(value));
}

void
keep_header(struct session *s, const char *name, const char *value)
{
	struct store	*st;

	if (s->keeps == 0 || (st = wanted(s)) == NULL)
		return;
	s->message->nheaders++;
	store_add(st, name, strlen(name));
	store_add(st, ": ", s->neg->leading_space ? 1 : 2);
	add_value(st, value);
	store_add(st, "\r\n", 2);
}

static void
end_headers(struct store *st)
{
	if (store_in_body(st))
		return;
	store_add(st, "\r\n", 2);
	store_begin_body(st);
}

void
keep_body(struct session *s, const void *p, size_t n)
{
	struct store	*st;

	if (s->keeps == 0 || (st = wanted(s)) == NULL)
		return;
	end_headers(st);
	store_add(st, p, n);
}

void
keep_end(struct session *s)
{
	struct store	*st;

	if (s->keeps != 0 && (st = wanted(s)) != NULL)
		end_headers(st);
}

/* As it came, or for one that returns a message as the one before returned it. */
static struct store *
store_for(struct session *s, unsigned int index)
{
	if (session_handler(s, index)->output == OUTPUT_MESSAGE)
		return rewrite_current(s);
	return s->message->store;
}

const char *
keep_problem(struct session *s, unsigned int index)
{
	struct store	*st;

	if ((s->keeps >> index & 1) == 0 || s->cur.event != EV_END_OF_MESSAGE ||
	    s->message->store == NULL)
		return NULL;
	st = store_for(s, index);
	return store_bytes(st) != NULL ? NULL : store_error(st);
}

void
keep_encode(const struct handler_conf *h, struct task *t)
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

/* All handlers get the same, so that it is known when it comes back. */
static const char *
received(struct session *s)
{
	struct buf	 b;

	if (s->message->received != NULL)
		return s->message->received;
	buf_init(&b, 4096);
	received_write(s, time(NULL), &b);
	s->message->received = buf_steal(&b, NULL);
	return s->message->received;
}

void
keep_give(struct session *s, unsigned int index, struct task *t)
{
	const struct handler_conf	*h = session_handler(s, index);

	t->input = store_hold(store_for(s, index));
	if (h->received)
		t->received = xstrdup(received(s));
	keep_encode(h, t);
}
