/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes reply/decode.h: what a handler writes, read once as a whole and once in
 * pieces of the sizes that the input chooses: both give the same actions, verdicts
 * and errors, at the same bytes.
 */

#include "base/compat.h"

#include <inttypes.h>

#include "base/escape.h"
#include "fuzz.h"
#include "reply/decode.h"

#define NSIZES	6

static struct reply_limits	 limits;

static void
say(struct buf *out, const char *what, const void *value, size_t len)
{
	buf_printf(out, " %s=", what);
	if (value == NULL)
		buf_add_str(out, "none");
	else
		buf_add(out, value, len);
}

static void
say_text(struct buf *out, const char *what, const char *value)
{
	say(out, what, value, value == NULL ? 0 : strlen(value));
}

static void
say_action(struct buf *out, const struct action *a)
{
	buf_printf(out, "%s %u %d", action_name(a->kind), a->index, a->exact);
	say_text(out, "name", a->name);
	say_text(out, "value", a->value);
	say_text(out, "args", a->args);
	say(out, "body", a->body, a->body_len);
}

static void
say_verdict(struct buf *out, const struct reply_dec *d)
{
	const struct smtp_reply	*r = reply_smtp(d);

	buf_printf(out, "%s %d %s", verdict_name(reply_verdict(d)), r->code, r->enhanced);
	say_text(out, "text", r->text);
}

static void
say_error(struct buf *out, const struct reply_dec *d)
{
	const char	*line;
	size_t		 len;

	CHECK(reply_why(d) != NULL && reply_fault(d) != REPLY_FAULT_NONE);
	line = reply_line(d, &len);
	CHECK(len <= 200);
	buf_printf(out, "error %d %s", (int)reply_fault(d), reply_why(d));
	say(out, "line", line, len);
}

static void
say_item(struct buf *out, struct reply_dec *d, enum reply_item item, struct action *a, size_t at)
{
	CHECK((item == REPLY_ACTION) == (a != NULL));
	buf_printf(out, "%zu: ", at);
	if (item == REPLY_ACTION) {
		CHECK(a->body_len <= 2 * limits.max_body);
		say_action(out, a);
	} else if (item == REPLY_VERDICT)
		say_verdict(out, d);
	else if (item == REPLY_ERROR)
		say_error(out, d);
	else if (item == REPLY_ID)
		buf_printf(out, "id %" PRIu64, reply_id(d));
	else
		buf_add_str(out, "end");
	buf_add_str(out, "\n");
}

/* An item is not asked for twice: after a verdict the next reply begins, or nothing. */
static int
goes_on(struct reply_dec *d, enum reply_item item, int many)
{
	struct action	*a;
	size_t		 used;

	if (item != REPLY_VERDICT && item != REPLY_ERROR)
		return 1;
	CHECK(reply_dec_feed(d, "x\n", 2, &used, &a) == item && used == 0 && a == NULL);
	if (item == REPLY_ERROR || !many)
		return 0;
	reply_dec_next(d);
	return 1;
}

static int
feed(struct reply_dec *d, const char *p, size_t len, size_t *at, int many, struct buf *out)
{
	char		*piece = exact_copy(p, len), *from = piece;
	struct action	*a;
	enum reply_item	 item;
	size_t		 used;
	int		 going = 1;

	while (going) {
		item = reply_dec_feed(d, from, len, &used, &a);
		CHECK(used <= len && (item != REPLY_MORE || used == len));
		CHECK(reply_dec_pending(d) <= limits.max_line + 2 + 2 * limits.max_body);
		from += used;
		len -= used;
		*at += used;
		if (item == REPLY_MORE)
			break;
		/* Where in a line an error was seen depends on the pieces. */
		say_item(out, d, item, a, item == REPLY_ERROR ? 0 : *at);
		action_free(a);
		going = goes_on(d, item, many);
	}
	free(piece);
	return going;
}

static void
feed_end(struct reply_dec *d, size_t at, struct buf *out)
{
	struct action	*a;
	enum reply_item	 item;

	do {
		item = reply_dec_eof(d, &a);
		say_item(out, d, item, a, item == REPLY_ERROR ? 0 : at);
		action_free(a);
	} while (item == REPLY_ACTION || item == REPLY_ID);
}

static void
read_it(const char *p, size_t len, const uint8_t *sizes, int many, struct buf *out)
{
	struct reply_dec	*d = reply_dec_new(&limits);
	size_t			 n, at = 0;
	unsigned int		 i;
	int			 going = 1;

	buf_init(out, (size_t)1 << 28);
	for (i = 0; going && len > 0; p += n, len -= n, i++) {
		n = sizes == NULL || sizes[i % NSIZES] >= len ? len : sizes[i % NSIZES];
		going = feed(d, p, n, &at, many, out);
	}
	if (going)
		feed_end(d, at, out);
	reply_dec_free(d);
	CHECK(buf_ok(out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input	 in = { .p = data, .left = size };
	struct buf	 whole, parts;
	unsigned int	 i, how = take_byte(&in);
	uint8_t		 sizes[NSIZES];
	char		*text;
	size_t		 len;

	limits = (struct reply_limits){ .max_line = how & 8 ? 300 : 40, .max_body = 500,
		.keep_newlines = how & 1, .with_id = how >> 1 & 1 };
	for (i = 0; i < nitems(sizes); i++)
		sizes[i] = (uint8_t)(take_byte(&in) + 1);
	for (i = 0; i < nitems(sizes); i++)
		sizes[i] = sizes[i] == 0 ? 1 : sizes[i];
	text = take_rest(&in, &len);
	read_it(text, len, NULL, how & 4, &whole);
	read_it(text, len, sizes, how & 4, &parts);
	CHECK(whole.len == parts.len &&
	    (whole.len == 0 || memcmp(whole.data, parts.data, whole.len) == 0));
	buf_free(&whole);
	buf_free(&parts);
	free(text);
	return 0;
}
