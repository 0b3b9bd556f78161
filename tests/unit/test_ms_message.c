/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdlib.h>
#include <string.h>

#include "ms_message.h"
#include "tap.h"

static struct ms_message	 m;

static int
parse(const char *text, size_t len)
{
	const char	*why = NULL;
	int		 r;

	r = ms_message_parse(&m, guarded(text, len), len, &why);
	return r == -1 && why == NULL ? -2 : r;
}

/* "name=value;" of each header, "|", and the body. */
static char *
shape(void)
{
	struct ms_header	*h;
	struct buf		 b;
	size_t			 len;

	buf_init(&b, 1 << 20);
	TAILQ_FOREACH(h, &m.headers, entry) {
		buf_printf(&b, "%s=%s;", h->name, h->text + h->value);
	}
	buf_add_str(&b, "|");
	buf_add(&b, m.body, m.body_len);
	return buf_steal(&b, &len);
}

static void
is(const char *text, const char *want, const char *name)
{
	char	*got;

	if (parse(text, strlen(text)) != 0) {
		CHECK(0, name);
		return;
	}
	got = shape();
	CHECK_STR(got, want, name);
	free(got);
	ms_message_free(&m);
}

static void
test_headers(void)
{
	is("A: b\nC: d\n\nhi\n", "A= b;C= d;|hi\r\n", "two headers and a body");
	is("A: b\r\nC: d\r\n\r\nhi\r\n", "A= b;C= d;|hi\r\n", "the same with CRLF");
	is("A: b\n\tc\n d\nE:\n\n", "A= b\n\tc\n d;E=;|", "folds and an empty value");
	is("A: b\r\n\tc\r\n\r\n", "A= b\n\tc;|", "a fold with CRLF");
	is("A :b\nB\t :  c\n\n", "A=b;B=  c;|", "blanks before the colon");
	is("A: b: c\n\n", "A= b: c;|", "a colon in the value");
	is("A: b \n\n", "A= b ;|", "a blank at the end stays");
	is("A: b\nno header\nC: d\n", "A= b;|no header\r\nC: d\r\n",
	    "a line without colon ends the headers");
	is("A: b\nb c: d\n", "A= b;|b c: d\r\n", "a blank in a name is no header");
	is(" x: y\n", "| x: y\r\n", "a fold without a header");
	is(": x\n", "|: x\r\n", "an empty name");
	is("A: b", "A= b;|", "no line end at all");
	is("\nhi\n", "|hi\r\n", "no header");
	is("", "|", "nothing");
	is("From a Mon Jan  1 10:00:00 2026\nA: b\n\n", "A= b;|", "the line of a mailbox");
	is("A: b\nFrom x\n", "A= b;|From x\r\n", "such a line elsewhere");
	is("\xc3\xa4: b\n", "|\xc3\xa4: b\r\n", "eight bits in a name");
	is("A: \xc3\xa4\n\n", "A= \xc3\xa4;|", "eight bits in a value");
}

static void
test_body(void)
{
	is("\na\nb", "|a\r\nb\r\n", "a last line without its end");
	is("\nx", "|x\r\n", "a single byte");
	is("\na\rb\n", "|a\rb\r\n", "a CR alone stays");
	is("\r\na\nb\r\n", "|a\r\nb\r\n", "both line ends");
	is("\n\n\n", "|\r\n\r\n", "empty lines");
	CHECK(parse("\na\0b\n", 5) == 0, "a NUL in the body");
	CHECK_MEM(m.body, m.body_len, "a\0b\r\n", 5, "it stays");
	ms_message_free(&m);
}

static void
test_limits(void)
{
	static char	 text[70000];

	CHECK(parse("A: b\0c\n", 7) == -1, "a NUL in a header is refused");
	memset(text, 'x', sizeof(text));
	memcpy(text, "A:", 2);
	/* Name, NUL, value, NUL: 65535 bytes. */
	CHECK(parse(text, 65534) == 0, "the longest header");
	ms_message_free(&m);
	CHECK(parse(text, 65535) == -1, "one byte more");
}

/* Read and written again it is what it was. */
static void
same(const char *text, const char *want, const char *name)
{
	struct buf	 out;

	if (parse(text, strlen(text)) != 0) {
		CHECK(0, name);
		return;
	}
	buf_init(&out, 1 << 20);
	ms_message_write(&m.headers, m.separator, m.body, m.body_len, m.crlf, &out);
	CHECK_MEM(out.data, out.len, want, strlen(want), name);
	buf_free(&out);
	ms_message_free(&m);
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
