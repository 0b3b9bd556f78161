/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes base/escape.h and base/newline.h against models that look at one byte after
 * the other. An escaped value that is unescaped is what it was; line ends are the same
 * in whatever pieces the text comes.
 */

#include "base/compat.h"

#include "base/escape.h"
#include "base/newline.h"
#include "fuzz.h"

#define MAX	((size_t)1 << 24)

static void
check_same(const struct buf *a, const struct buf *b)
{
	CHECK(buf_ok(a) && buf_ok(b) && a->len == b->len);
	CHECK(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* pipemilter-handler(7), "Escapes". */
static void
model_escape(struct buf *out, const char *s, size_t len)
{
	size_t		 i;
	unsigned char	 c;

	for (i = 0; i < len; i++) {
		c = (unsigned char)s[i];
		if (c == '\\' || c == '\n' || c == '\r')
			buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : c);
		else if ((c == ' ' || c == '\t') ? i == 0 || i == len - 1 :
		    c < 32 || c == 127)
			buf_printf(out, "\\0%03o", c);
		else
			buf_add_u8(out, c);
	}
}

static int
octal_at(const char *s, size_t left)
{
	char	 digits[4] = "";

	if (left < 3)
		return -1;
	memcpy(digits, s, 3);
	return strspn(digits, "01234567") == 3 ? (int)strtol(digits, NULL, 8) : -1;
}

/* 0 if an octal escape stands for no byte. */
static int
model_unescape(struct buf *out, const char *s, size_t len)
{
	size_t	 i;
	int	 octal, c;

	for (i = 0; i < len; i++) {
		c = i + 1 < len ? s[i + 1] : 0;
		octal = s[i] == '\\' && c == '0' ? octal_at(s + i + 2, len - i - 2) : -1;
		if (octal == 0 || octal > 255)
			return 0;
		if (octal > 0) {
			buf_add_u8(out, (unsigned int)octal);
			i += 4;
		} else if (s[i] == '\\' && (c == '\\' || c == 'n' || c == 'r')) {
			buf_add_u8(out, c == 'n' ? '\n' : c == 'r' ? '\r' : '\\');
			i++;
		} else
			buf_add_u8(out, (unsigned char)s[i]);
	}
	return 1;
}

static void
check_unescape(const char *s, size_t len)
{
	struct buf	 want;
	const char	*why = NULL;
	char		*copy = exact_copy(s, len + 1);
	size_t		 got;

	buf_init(&want, MAX);
	copy[len] = 'x';
	got = escape_undo(copy, len, &why);
	if (!model_unescape(&want, s, len))
		CHECK(got == (size_t)-1 && why != NULL);
	else
		CHECK(got == want.len && copy[got] == '\0' && why == NULL &&
		    (got == 0 || memcmp(copy, want.data, got) == 0));
	free(copy);
	buf_free(&want);
}

static void
check_escape(const char *s, size_t len)
{
	struct buf	 got, want;
	const char	*why;
	char		*value = exact_copy(s, len), *line;

	buf_init(&got, MAX);
	buf_init(&want, MAX);
	escape(&got, value, len);
	model_escape(&want, value, len);
	check_same(&got, &want);
	buf_add_u8(&got, 0);
	line = exact_copy(got.data, got.len);
	CHECK(escape_undo(line, got.len - 1, &why) == len && memcmp(line, s, len) == 0);
	free(line);
	free(value);
	buf_free(&got);
	buf_free(&want);
}

/* Line ends of a whole text, one byte after the other. */
static void
model_newline(struct buf *out, const char *s, size_t len, int to_crlf)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		if (to_crlf && s[i] == '\n' && (i == 0 || s[i - 1] != '\r'))
			buf_add_str(out, "\r\n");
		else if (to_crlf || s[i] != '\r' || i + 1 == len || s[i + 1] != '\n')
			buf_add_u8(out, (unsigned char)s[i]);
}

static void
in_pieces(struct buf *out, const char *s, size_t len, int to_crlf, const uint8_t sizes[4])
{
	struct newline	 nl;
	char		*piece;
	size_t		 n;
	unsigned int	 i;

	newline_init(&nl);
	for (i = 0; len > 0; s += n, len -= n, i++) {
		n = sizes[i % 4] < len ? sizes[i % 4] : len;
		/* One of the four pieces is longer than none. */
		if (n == 0 && i % 4 == 3)
			n = 1;
		piece = exact_copy(s, n);
		(to_crlf ? newline_to_crlf : newline_to_lf)(&nl, piece, n, out);
		free(piece);
	}
	CHECK(!to_crlf || nl.cr == 0);
	if (!to_crlf)
		CHECK(newline_flush(&nl, out) + newline_flush(&nl, out) <= 1);
}

static void
check_newline(const char *s, size_t len, int to_crlf, const uint8_t sizes[4])
{
	struct buf	 got, want;

	buf_init(&got, MAX);
	buf_init(&want, MAX);
	in_pieces(&got, s, len, to_crlf, sizes);
	model_newline(&want, s, len, to_crlf);
	check_same(&got, &want);
	buf_free(&got);
	buf_free(&want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input	 in = { .p = data, .left = size };
	uint8_t		 sizes[4];
	unsigned int	 i;
	size_t		 len;
	char		*text;

	for (i = 0; i < nitems(sizes); i++)
		sizes[i] = (uint8_t)take_byte(&in);
	text = take_rest(&in, &len);
	check_newline(text, len, 0, sizes);
	check_newline(text, len, 1, sizes);
	check_unescape(text, len);
	/* A value has no NUL. */
	len = strnlen(text, len);
	check_escape(text, len);
	free(text);
	return 0;
}
