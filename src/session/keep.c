/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/keep.c: the message as it came is kept for the handlers that want it whole.
 */
#include "base/compat.h"

#include <string.h>
#include <time.h>

#include "base/xmalloc.h"
#include "block/block.h"
#include "session/keep.h"
#include "session/received.h"
#include "session/rewrite.h"
#include "session/session.h"
#include "session/who.h"
#include "state/known.h"

/* 1 if the handler at an index may still be given this message. */
static int
awaits_message(const struct session *s, unsigned int index)
{
	/* After a failure on-failure answers: the handler is not given the message any more. */
	return (s->keeps & known_bit(index)) != 0 && !s->h[index].failed &&
	    session_absence(s, index) == ASK_YES;
}

/*
 * The store of the open message; NULL if nobody awaits the message. A handler that has left
 * does not come back, so a store that was dropped is not needed again.
 */
static struct store *
open_store(struct session *s)
{
	struct message	*msg = s->message;
	unsigned int	 i;

	for (i = 0; i < s->nh; i++)
		if (awaits_message(s, i))
			break;
	if (session_is_shed(s))
		return NULL;
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
store_value(struct store *st, const char *value)
{
	const char	*lf, *end;

	while ((lf = strchr(value, '\n')) != NULL) {
		end = lf > value && lf[-1] == '\r' ? lf - 1 : lf;
		store_add(st, value, (size_t)(end - value));
		store_add(st, "\r\n", 2);
		value = lf + 1;
		/* Without a blank the rest would begin another header, or the body. */
		if (*value != ' ' && *value != '\t')
			store_add(st, "\t", 1);
	}
	store_add(st, value, strlen(value));
}

void
keep_header(struct session *s, const char *name, const char *value)
{
	struct store	*st;

	if (s->keeps == 0 || (st = open_store(s)) == NULL)
		return;
	s->message->nheaders++;
	store_add(st, name, strlen(name));
	store_add(st, ": ", s->neg->leading_space ? 1 : 2);
	store_value(st, value);
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

	if (s->keeps == 0 || (st = open_store(s)) == NULL)
		return;
	end_headers(st);
	store_add(st, p, n);
}

void
keep_end(struct session *s)
{
	struct store	*st;

	if (s->keeps != 0 && (st = open_store(s)) != NULL)
		end_headers(st);
}

/* As it came; for a handler that returns messages, as the one before it returned it. */
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

	if ((s->keeps & known_bit(index)) == 0 || s->cur.event != EV_END_OF_MESSAGE ||
	    s->message->store == NULL)
		return NULL;
	st = store_for(s, index);
	return store_bytes(st) != NULL ? NULL : store_error(st);
}

/* All handlers get the same lines, so that they are recognized when they come back. */
static const char *
received_lines(struct session *s)
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
		t->received = xstrdup(received_lines(s));
	block_before_message(h, t);
}
