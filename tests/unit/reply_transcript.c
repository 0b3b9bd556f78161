/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "reply_transcript.h"
#include "tap.h"

struct reply_limits	 limits = { .max_line = 1000, .max_body = 100 };

static void
say_value(struct buf *out, const char *what, const char *value, size_t len)
{
	if (value == NULL)
		return;
	buf_printf(out, " %s[", what);
	escape(out, value, len);
	buf_add_str(out, "]");
}

static void
say_string(struct buf *out, const char *what, const char *value)
{
	say_value(out, what, value, value == NULL ? 0 : strlen(value));
}

static void
say_action(struct buf *out, const struct action *a)
{
	buf_add_str(out, action_name(a->kind));
	if (a->kind == ACT_INSERT_HEADER || a->kind == ACT_CHANGE_HEADER ||
	    a->kind == ACT_DELETE_HEADER)
		buf_printf(out, " %u", a->index);
	say_string(out, "", a->name);
	say_string(out, "", a->value);
	say_string(out, "args", a->args);
	say_value(out, "body", (const char *)a->body, a->body_len);
	buf_add_str(out, "\n");
}

static void
say_end(struct buf *out, const struct reply_dec *d, enum reply_item item)
{
	const struct smtp_reply	*r = reply_smtp(d);
	const char		*line;
	size_t			 len;

	if (item == REPLY_ERROR) {
		line = reply_line(d, &len);
		buf_printf(out, "! %s", reply_why(d));
		say_value(out, "", line, len);
	} else {
		buf_printf(out, "%s", verdict_name(reply_verdict(d)));
		if (r->code != 0)
			buf_printf(out, " %d", r->code);
		if (r->enhanced[0] != '\0')
			buf_printf(out, " %s", r->enhanced);
		say_string(out, "", r->text);
	}
	buf_add_str(out, "\n");
}

/* Feeds n bytes; returns 1 if the reply has not ended with them. */
static int
feed(struct reply_dec *d, const void *p, size_t n, struct buf *out)
{
	const unsigned char	*in = guarded(p, n);
	struct action		*a;
	enum reply_item		 item;
	size_t			 used;

	for (;;) {
		item = reply_dec_feed(d, in, n, &used, &a);
		in += used;
		n -= used;
		if (item == REPLY_MORE)
			return n == 0;
		if (item != REPLY_ACTION) {
			say_end(out, d, item);
			return 0;
		}
		say_action(out, a);
		action_free(a);
	}
}

static void
feed_eof(struct reply_dec *d, struct buf *out)
{
	struct action	*a;
	enum reply_item	 item;

	while ((item = reply_dec_eof(d, &a)) == REPLY_ACTION) {
		say_action(out, a);
		action_free(a);
	}
	if (item == REPLY_MORE)
		buf_add_str(out, "end\n");
	else
		say_end(out, d, item);
}

char *
transcript(const void *in, size_t len, size_t piece)
{
	const char		*p = in;
	struct reply_dec	*d = reply_dec_new(&limits);
	struct buf		 out;
	size_t			 n;
	int			 going = 1;

	buf_init(&out, 1024 * 1024);
	for (; going && len > 0; p += n, len -= n) {
		n = len < piece ? len : piece;
		going = feed(d, p, n, &out);
	}
	if (going)
		feed_eof(d, &out);
	reply_dec_free(d);
	return buf_steal(&out, NULL);
}

static void
check_pieces(const char *in, const char *want, const char *name)
{
	static const size_t	 pieces[] = { 1, 2, 3, 5, 7 };
	size_t			 len = strlen(in), i, wrong = 0;
	char			*whole = transcript(in, len, len), *parts;

	CHECK_STR(whole, want, name);
	for (i = 0; i < nitems(pieces); i++) {
		parts = transcript(in, len, pieces[i]);
		wrong += strcmp(parts, whole) != 0;
		free(parts);
	}
	CHECK(wrong == 0, "the same in pieces");
	free(whole);
}

void
check(const char *in, const char *want)
{
	char	 name[120], *p;

	snprintf(name, sizeof(name), "%s", in);
	for (p = name; *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || *p == '#')
			*p = '?';
	check_pieces(in, want, name);
}

void
check_error(const char *in, const char *why)
{
	struct buf	 want, line;

	buf_init(&want, 10000);
	buf_printf(&want, "! %s", why);
	say_string(&want, "", in);
	buf_add_cstr(&want, "\n");
	buf_init(&line, 10000);
	buf_add_str(&line, in);
	buf_add_cstr(&line, "\n");
	check((const char *)line.data, (const char *)want.data);
	buf_free(&line);
	buf_free(&want);
}
