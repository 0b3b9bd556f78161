/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "mail/text.h"
#include "tap.h"

static struct mailfile	 m;

static int
parse(const void *text, size_t len)
{
	const char	*why = NULL;
	int		 r;

	r = mailfile_parse(&m, guarded(text, len), len, &why);
	return r == -1 && why == NULL ? -2 : r;
}

/*
 * The message in short: "name=value;" for each header, then "|", "!" if the
 * empty line is missing, and the body.
 */
static char *
shape(void)
{
	struct mailfile_header	*h;
	struct buf		 b;
	size_t			 i, len;

	buf_init(&b, 1 << 20);
	for (i = 0; i < m.count; i++) {
		h = &m.headers[i];
		buf_add(&b, h->text, h->name_len);
		buf_printf(&b, "=%s;", mailfile_value(h));
		if (strlen(h->text) != h->len || h->text[h->value - 1] != ':')
			buf_add_str(&b, "(wrong length)");
	}
	buf_add_str(&b, m.separator ? "|" : "!");
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
	mailfile_free(&m);
}

static void
test_headers(void)
{
	is("A: b\nC: d\n\nhi\n", "A= b;C= d;|hi\n", "two headers and a body");
	is("A: b\r\nC: d\r\n\r\nhi\r\n", "A= b;C= d;|hi\r\n", "the same with CRLF");
	is("A: b\r\nC: d\n\r\nhi\r\nho\n", "A= b;C= d;|hi\r\nho\n", "both line ends");
	is("A: b\n\tc\n d\nE:\n\n", "A= b\n\tc\n d;E=;|", "folds and an empty value");
	is("A: b\r\n\tc\r\n\r\n", "A= b\n\tc;|", "a fold with CRLF is LF");
	is("A:b\nA:  b\nA:\tb\n\n", "A=b;A=  b;A=\tb;|", "blanks of a value are its own");
	is("A: b\n \n\t\nC:d\n\n", "A= b\n \n\t;C=d;|", "lines of blanks are folds");
	is("A: b\rc\nD: e\r\r\n\n", "A= b\rc;D= e\r;|", "a CR alone stays");
	is("A :b\nB\t :  c\n\n", "A=b;B=  c;|", "blanks before the colon");
	is("A: b: c\n\n", "A= b: c;|", "a colon in the value");
	is("A: b \n\n", "A= b ;|", "a blank at the end stays");
	is("A\177: b\n\n", "A\177= b;|", "a name that Sendmail lets pass");
	is("A: \xc3\xa4\n\n", "A= \xc3\xa4;|", "eight bits in a value");
	is("A: b", "A= b;!", "no line end at all");
	is("A: b\n c", "A= b\n c;!", "nor behind a fold");
	is("A: b\r", "A= b\r;!", "a CR at the end is no line end");
}

static void
test_ends(void)
{
	is("A: b\nno header\nC: d\n\n", "A= b;!no header\nC: d\n\n",
	    "a line without colon begins the body");
	is("A: b\nb c: d\n", "A= b;!b c: d\n", "a blank in a name");
	is(" x: y\n\n", "! x: y\n\n", "a fold without a header");
	is(": x\n", "!: x\n", "an empty name");
	is("\xc3\xa4: b\n", "!\xc3\xa4: b\n", "eight bits in a name");
	is("\nhi\n", "|hi\n", "no header");
	is("\r\nhi\r\n", "|hi\r\n", "the same with CRLF");
	is("", "!", "nothing");
	is("A: b\n\n", "A= b;|", "no body");
	is("A: b\n\n\n", "A= b;|\n", "an empty line as body");
}

static void
test_mailbox(void)
{
	is("From a Mon Jan  1 10:00:00 2026\nA: b\n\n", "A= b;|", "the line of a mailbox");
	is("From a Mon Jan  1 10:00:00 2026\r\n", "!", "and nothing else");
	is("From : x\n\n", "From= x;|", "a header From with a blank");
	is("A: b\nFrom x\n", "A= b;!From x\n", "such a line elsewhere");
}

static void
test_damage(void)
{
	static char	 text[4];
	char		*many;
	size_t		 i, n = MAILFILE_MAX_HEADERS + 1;

	CHECK(parse("A: b\0c\n", 7) == -1, "a NUL in a header is refused");
	CHECK(parse("A: b\nB: c\n \0\n\n", 14) == -1, "in a fold too");
	CHECK(parse("A: b\n\nc\0\n", 9) == 0, "a NUL in the body is not");
	CHECK_MEM(m.body, m.body_len, "c\0\n", 3, "it stays");
	mailfile_free(&m);
	CHECK(parse(NULL, 0) == 0, "no text");
	mailfile_free(&m);
	CHECK(mailfile_parse(&m, text, MAILFILE_MAX + 1, &(const char *){ NULL }) == -1,
	    "too large a text is not looked at");
	many = malloc(n * 3);
	for (i = 0; i < n; i++)
		memcpy(many + 3 * i, "a:\n", 3);
	CHECK(parse(many, n * 3) == -1, "one header too many");
	CHECK(parse(many, (n - 1) * 3) == 0 && m.count == n - 1, "as many as there may be");
	mailfile_free(&m);
	free(many);
}

/* Checks what is written after a text was read. */
static void
written(const char *text, int crlf, const char *want, const char *name)
{
	struct buf	 out;

	if (parse(text, strlen(text)) != 0) {
		CHECK(0, name);
		return;
	}
	buf_init(&out, 1 << 20);
	mailfile_write(&out, &m, crlf);
	CHECK_MEM(out.data, out.len, want, strlen(want), name);
	buf_free(&out);
	mailfile_free(&m);
}

static void
test_write(void)
{
	written("A: b\n c\nX :y\n\nhi\n", 0, "A: b\n c\nX :y\n\nhi\n", "LF");
	written("A: b\r\n c\r\n\r\nhi\r\n", 1, "A: b\r\n c\r\n\r\nhi\r\n", "CRLF");
	written("A: b\n c\n\nhi\n", 1, "A: b\r\n c\r\n\r\nhi\r\n", "LF to CRLF");
	written("A: b\r\n c\r\n\r\nhi\r\n", 0, "A: b\n c\n\nhi\n", "CRLF to LF");
	written("A: b\n", 0, "A: b\n", "headers alone");
	written("A: b\n\n", 0, "A: b\n\n", "no body");
	written("A: b\nhi\n", 0, "A: b\n\nhi\n", "the empty line is added");
	written("\nx\ry\n", 1, "\r\nx\ry\r\n", "a CR alone");
	written("\nx", 1, "\r\nx\r\n", "a last line without its end");
	written("\nx\r", 0, "\nx\r", "a CR at the end");
}

static void
body_is(const char *body, const char *want, const char *name)
{
	struct buf	 out;
	size_t		 len = strlen(body);

	buf_init(&out, 1 << 20);
	mailfile_write_body(&out, guarded(body, len), len);
	CHECK_MEM(out.data, out.len, want, strlen(want), name);
	buf_free(&out);
}

static void
test_write_body(void)
{
	body_is("a\nb", "a\r\nb\r\n", "a last line without its end");
	body_is("x", "x\r\n", "a single byte");
	body_is("a\rb\n", "a\rb\r\n", "a CR alone stays");
	body_is("a\nb\r\n", "a\r\nb\r\n", "both line ends");
	body_is("\n\n", "\r\n\r\n", "empty lines");
	body_is("", "", "nothing");
}

static void
header_is(const char *value, int space, int crlf, const char *want, const char *name)
{
	struct buf	 out;

	buf_init(&out, 1 << 10);
	mailfile_write_header(&out, "A", space, value, crlf);
	CHECK_MEM(out.data, out.len, want, strlen(want), name);
	buf_free(&out);
}

static void
test_write_header(void)
{
	header_is(" b", 0, 0, "A: b\n", "a value with its space");
	header_is("b", 1, 1, "A: b\r\n", "one without");
	header_is("b", 0, 0, "A:b\n", "none is wanted");
	header_is("", 0, 0, "A:\n", "an empty value");
	header_is("b\n c", 0, 1, "A:b\r\n c\r\n", "a fold");
	header_is("b\nc\n", 0, 1, "A:b\r\n\tc\r\n\t\r\n", "a fold without a blank gets one");
	header_is("b\n\nc", 0, 0, "A:b\n\t\n\tc\n", "an empty line is none");
	header_is("b\r\n c", 0, 1, "A:b\r\r\n c\r\n", "a CR before a fold stays");
}

/*
 * Tests that values of any bytes come back unchanged, except that each fold
 * gets its blank.
 */
static void
test_round_trip(void)
{
	static const char	*values[] = { "", " ", "\t", " \t x ", ":", "a\rb",
		"\n a", " a\n\tb\n c ", " a\n \n b", "\xff\x01\x7f", "a\r\n b" };
	struct buf		 out;
	size_t			 i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		buf_init(&out, 1 << 10);
		mailfile_write_header(&out, "From", 0, values[i], 1);
		mailfile_write_header(&out, "B", 0, values[i], 1);
		CHECK(parse(out.data, out.len) == 0 && m.count == 2 && !m.separator,
		    "two headers come back");
		CHECK_STR(mailfile_value(&m.headers[0]), values[i], "with the value");
		CHECK_STR(mailfile_value(&m.headers[1]), values[i], "of each");
		mailfile_free(&m);
		buf_free(&out);
	}
}

static void
takes_off(const char *lines, const char *text, const char *want, const char *name)
{
	struct mailfile	 top;
	const char	*why;
	char		*got;

	if (mailfile_parse(&top, lines, strlen(lines), &why) == -1 ||
	    parse(text, strlen(text)) != 0) {
		CHECK(0, name);
		return;
	}
	mailfile_take_off(&m, top.headers, top.count);
	got = shape();
	CHECK_STR(got, want, name);
	free(got);
	mailfile_free(&top);
	mailfile_free(&m);
}

static void
test_take_off(void)
{
	const char	*lines = "P: <a>\nR: b\n\tc\n";

	takes_off(lines, "P: <a>\nR: b\n\tc\nX: y\n\n", "X= y;|", "on top");
	takes_off(lines, "N: n\nP: <a>\nR: b\n\tc\nX: y\n\n", "N= n;X= y;|", "below another");
	takes_off(lines, "X: y\nR: b\r\n\tc\nP: <a>\n\n", "X= y;|", "in another order");
	takes_off(lines, "P: <a>\nR: b\n\tc\nP: <a>\n\n", "P= <a>;|", "each once");
	takes_off(lines, "X: y\n\n", "X= y;|", "not there");
	takes_off(lines, "p: <a>\nR: b\n c\nR: b\n", "p= <a>;R= b\n c;R= b;!", "nearly there");
	takes_off("P: a\nP: a\n", "P: a\nX: y\nP: a\nP: a\n", "X= y;P= a;!", "the same twice");
	takes_off(lines, "", "!", "from nothing");
}

static void
test_drop_top(void)
{
	char	*got;

	CHECK(parse("A: b\nC: d\nE: f\n\n", 16) == 0, "three headers");
	mailfile_drop_top(&m, 0);
	CHECK(m.count == 3, "none is dropped");
	mailfile_drop_top(&m, 2);
	got = shape();
	CHECK_STR(got, "E= f;|", "two are dropped");
	free(got);
	mailfile_drop_top(&m, 2);
	CHECK(m.count == 0, "more than there are");
	mailfile_free(&m);
}

int
main(void)
{
	test_headers();
	test_ends();
	test_mailbox();
	test_damage();
	test_write();
	test_write_body();
	test_write_header();
	test_round_trip();
	test_take_off();
	test_drop_top();
	return tap_done();
}
