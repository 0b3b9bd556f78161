/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <string.h>

#include "mta/message.h"
#include "tap.h"

#define PARSE(text)	parse((text), sizeof(text) - 1)

static struct mta_message	 m;

static int
parse(const char *text, size_t len)
{
	const char	*why = NULL;
	int		 r;

	r = mta_message_parse(&m, guarded(text, len), len, &why);
	return r == -1 && why == NULL ? -2 : r;
}

static void
header_is(const struct mta_header *h, const char *text, const char *name, const char *value)
{
	CHECK_STR(h->text, text, "the text of a header");
	CHECK_STR(h->name, name, "its name");
	CHECK_STR(h->text + h->value, value, "its value");
}

static void
test_headers(void)
{
	const struct mta_header	*h;

	CHECK(PARSE("A\t :b\r\n c\r\nE:\n\n") == 0, "two headers");
	h = TAILQ_FIRST(&m.headers);
	header_is(h, "A\t :b\n c", "A", "b\n c");
	CHECK(mta_header_is(h, "a") && mta_header_is(h, "A"), "it has this name");
	CHECK(!mta_header_is(h, "A\t ") && !mta_header_is(h, ""), "and no other");
	h = TAILQ_NEXT(h, entry);
	header_is(h, "E:", "E", "");
	CHECK(TAILQ_NEXT(h, entry) == NULL, "there is no third");
	CHECK(m.separator && m.crlf, "an empty line, and CRLF in the first one");
	CHECK(m.body == NULL && m.body_len == 0, "no body");
	mta_message_free(&m);
	CHECK(TAILQ_EMPTY(&m.headers), "they are freed");
}

static void
test_body(void)
{
	CHECK(PARSE("A: b\nno header\0\r\nend") == 0, "a body with no empty line before it");
	CHECK_MEM(m.body, m.body_len, "no header\0\r\nend\r\n", 17, "each line has CRLF");
	CHECK(!m.separator && !m.crlf, "nor is one noted");
	mta_message_free(&m);
	CHECK(m.body == NULL && m.body_len == 0, "it is freed");
	CHECK(PARSE("") == 0 && TAILQ_EMPTY(&m.headers) && m.body == NULL, "nothing");
	mta_message_free(&m);
}

static void
test_limits(void)
{
	static char	 text[70000];

	CHECK(PARSE("A: b\0c\n") == -1, "a NUL in a header is refused");
	memset(text, 'x', sizeof(text));
	memcpy(text, "A:", 2);
	/* Name, NUL, value and NUL have 65535 bytes. */
	CHECK(parse(text, 65534) == 0, "the longest header");
	mta_message_free(&m);
	CHECK(parse(text, 65535) == -1, "one byte more");
}

/* Checks what is written after a text was read. */
static void
same(const char *text, const char *want, const char *name)
{
	struct buf	 out;

	if (parse(text, strlen(text)) != 0) {
		CHECK(0, name);
		return;
	}
	buf_init(&out, 1 << 20);
	mta_message_write(&m.headers, m.separator, m.body, m.body_len, m.crlf, &out);
	CHECK_MEM(out.data, out.len, want, strlen(want), name);
	buf_free(&out);
	mta_message_free(&m);
}

static void
test_write(void)
{
	same("A: b\n c\nX :y\n\nhi\n", "A: b\n c\nX :y\n\nhi\n", "LF");
	same("A: b\r\n c\r\n\r\nhi\r\n", "A: b\r\n c\r\n\r\nhi\r\n", "CRLF");
	same("A: b\n", "A: b\n", "headers alone");
	same("A: b\n\n", "A: b\n\n", "an empty body");
	same("A: b\nhi\n", "A: b\n\nhi\n", "the empty line is added");
	same("\nx\ry\n", "\nx\ry\n", "a CR alone");
}

int
main(void)
{
	test_headers();
	test_body();
	test_limits();
	test_write();
	return tap_done();
}
