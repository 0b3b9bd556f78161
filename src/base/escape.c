/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/escape.c: the escapes of values in blocks and replies.
 */
#include "base/compat.h"

#include <stdint.h>
#include <string.h>

#include "base/escape.h"

#define NO_BYTE		(-1)	/* no escape of a byte begins here */
#define BAD_BYTE	(-2)	/* an escape of a value that no byte has */

static int
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Adds \0 and three octal digits. With fewer digits, a digit after the escape
 * would belong to it.
 */
static void
escape_octal(struct buf *out, unsigned char c)
{
	char	 text[5];

	text[0] = '\\';
	text[1] = '0';
	text[2] = (char)('0' + (c >> 6));
	text[3] = (char)('0' + (c >> 3 & 7));
	text[4] = (char)('0' + (c & 7));
	buf_add(out, text, sizeof(text));
}

static void
escape_byte(struct buf *out, unsigned char c)
{
	switch (c) {
	case '\\':
		buf_add_str(out, "\\\\");
		break;
	case '\n':
		buf_add_str(out, "\\n");
		break;
	case '\r':
		buf_add_str(out, "\\r");
		break;
	default:
		escape_octal(out, c);
		break;
	}
}

#define EACH_BYTE(c)	(~(uint64_t)0 / 255 * (c))

/* 1 if any of the eight bytes at s is below 32, 127 or a backslash. */
static int
any_special(const char *s)
{
	uint64_t	 w, is_del, is_backslash;

	memcpy(&w, s, sizeof(w));
	is_del = w ^ EACH_BYTE(127);
	is_backslash = w ^ EACH_BYTE('\\');
	return ((((w - EACH_BYTE(32)) & ~w) |
	    ((is_del - EACH_BYTE(1)) & ~is_del) |
	    ((is_backslash - EACH_BYTE(1)) & ~is_backslash)) & EACH_BYTE(128)) != 0;
}

/* How many bytes from s on need no escape; blanks count among them. */
static size_t
plain_run(const char *s, size_t len)
{
	size_t		 i = 0;
	unsigned char	 c;

	for (;;) {
		while (len - i >= 8 && !any_special(s + i))
			i += 8;
		/*
		 * Test the last eight bytes as a whole, instead of the rest one
		 * by one.
		 */
		if (i == len || (len >= 8 && len - i < 8 && !any_special(s + len - 8)))
			return len;
		c = (unsigned char)s[i];
		if ((c < 32 && c != '\t') || c == 127 || c == '\\')
			return i;
		i++;
	}
}

void
escape(struct buf *out, const char *value, size_t len)
{
	const char	*end = value + len;
	int		 blank_at_end;

	if (len > 0 && is_blank((unsigned char)*value))
		escape_octal(out, (unsigned char)*value++);
	blank_at_end = value < end && is_blank((unsigned char)end[-1]);
	if (blank_at_end)
		end--;
	for (;;) {
		len = plain_run(value, (size_t)(end - value));
		if (len > 0)
			buf_add(out, value, len);
		value += len;
		if (value == end)
			break;
		escape_byte(out, (unsigned char)*value++);
	}
	if (blank_at_end)
		escape_octal(out, (unsigned char)*end);
}

static int
octal_digit(char c)
{
	return c >= '0' && c <= '7' ? c - '0' : NO_BYTE;
}

/* The byte that three octal digits at s stand for. n: how many bytes there are. */
static int
octal_byte(const char *s, size_t n)
{
	int	 i, v = 0;

	if (n < 3)
		return NO_BYTE;
	for (i = 0; i < 3; i++) {
		if (octal_digit(s[i]) == NO_BYTE)
			return NO_BYTE;
		v = v * 8 + octal_digit(s[i]);
	}
	return v == 0 || v > 255 ? BAD_BYTE : v;
}

/*
 * The byte that the n bytes at s, after a backslash, stand for; *used is how
 * many of them belong to the escape.
 */
static int
escaped_byte(const char *s, size_t n, size_t *used)
{
	*used = 1;
	if (n == 0)
		return NO_BYTE;
	switch (s[0]) {
	case '\\':
		return '\\';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case '0':
		*used = 4;
		return octal_byte(s + 1, n - 1);
	default:
		return NO_BYTE;
	}
}

size_t
escape_undo(char *s, size_t len, const char **why)
{
	size_t	 from, to = 0, used;
	int	 byte;

	for (from = 0; from < len; from++) {
		if (s[from] != '\\') {
			s[to++] = s[from];
			continue;
		}
		byte = escaped_byte(s + from + 1, len - from - 1, &used);
		if (byte == BAD_BYTE) {
			*why = "octal escape not within \\0001 to \\0377";
			return (size_t)-1;
		}
		if (byte == NO_BYTE) {
			s[to++] = '\\';
			continue;
		}
		s[to++] = (char)byte;
		from += used;
	}
	s[to] = '\0';
	return to;
}
