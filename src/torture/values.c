/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/values.c: hostile values.
 */
#include "base/compat.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "torture/values.h"
#include "base/xmalloc.h"

#define MAX_VALUE	4096
#define BLANKS		" \t"

/*
 * In a text, @C is the path of the canary, @G the pattern, @V a verdict with
 * TORTURE_SPOKEN, @B each byte that a header may have, @E the marks. All
 * letters are small, so that a handler that ignores case changes nothing.
 */
static const struct nasty {
	const char	*about;
	const char	*text;
	int		 marked;	/* has the marks around it, to be found again */
	int		 twin;
} nasties[] = {
	{ "a plain value", "plain words", 1, 0 },
	{ "every byte", "@B", 1, 0 },
	{ "backslashes", "a\\b \\t \\\\ \\x41 \\0101 \\", 1, 0 },
	{ "percent signs", "100%s %d%% %b", 1, 0 },
	{ "runs of blanks", "a  b\t\tc", 1, 0 },
	{ "blanks at either end", "  @E \t", 0, 0 },
	{ "nothing", "", 0, 0 },
	{ "a blank alone", " ", 0, 0 },
	{ "characters of other languages", "gr\303\274\303\237e \342\202\254 \360\237\223\247", 1,
	    0 },
	{ "bytes that are no UTF-8", "\377\376 \351 \200", 1, 0 },
	{ "control characters", "\001\033[31m\177", 1, 0 },
	{ "a folded value", "one\n @V\n\ttwo", 1, 0 },
	{ "line ends in words", "x\\n@V\\n\\012@V\\012\\0012@V", 1, 0 },
	{ "a verdict", "@V", 0, 0 },
	{ "backquotes", "`touch @C`", 1, 0 },
	{ "a command substitution", "$(touch @C)", 1, 0 },
	{ "commands of a shell", "; touch @C | touch @C & touch @C; ", 1, 0 },
	{ "commands after an apostrophe", "'; touch @C; '", 1, 0 },
	{ "commands after a quote", "\"; touch @C; \"", 1, 0 },
	{ "a command in an index", "a[$(touch @C)]", 0, 0 },
	{ "a command of Perl", "@{[ `touch @C` ]}", 1, 0 },
	{ "a call of system", "\".system('touch @C').\"", 1, 0 },
	{ "an expression of Python", "__import__('os').system('touch @C')", 0, 0 },
	{ "a command of sed", "y/;e touch @C #", 0, 0 },
	{ "a pipe at either end", "| touch @C |", 0, 0 },
	{ "a pattern of file names", " @G ", 1, 0 },
	{ "quotes and brackets", "\" ' ( ) [ ] { } < > ~ ! # ^ ? = & ; |", 1, 0 },
	{ "an option", "-n", 0, 0 },
	{ "a long option", "--help", 0, 0 },
	{ "a leading dot", ".", 0, 0 },
	{ "operators of test", "a = a -o b", 0, 1 },
	{ "operators of test, in disorder", "a - a =o b", 0, 0 },
	{ "a star", "*", 0, 1 },
	{ "a plus sign", "+", 0, 0 },
	{ "a condition of SQL that holds", "x' or 'a'='a", 0, 1 },
	{ "a condition of SQL that does not hold", "x' or 'a'='b", 0, 0 },
};

size_t
torture_values_count(void)
{
	return nitems(nasties);
}

void
torture_canary(unsigned int number, char name[TORTURE_CANARY_SIZE])
{
	(void)snprintf(name, TORTURE_CANARY_SIZE, "ran-%02u", number);
}

static void
add_every_byte(struct buf *b)
{
	unsigned int	 c;

	for (c = 1; c < 256; c++)
		if (c != '\r' && c != '\n')
			buf_add_u8(b, c);
}

static void
add_special(struct buf *b, char what, unsigned int number, const char *dir)
{
	char	 canary[TORTURE_CANARY_SIZE];

	switch (what) {
	case 'B':
		add_every_byte(b);
		break;
	case 'C':
		torture_canary(number, canary);
		buf_printf(b, "%s/%s", dir, canary);
		break;
	case 'E':
		buf_printf(b, "tk%02u kt%02u", number, number);
		break;
	case 'G':
		buf_printf(b, "%s/" TORTURE_GLOB, dir);
		break;
	case 'V':
		buf_add_str(b, "reject 550 5.7.1 " TORTURE_SPOKEN);
		break;
	default:
		buf_printf(b, "@%c", what);
		break;
	}
}

static void
add_nasty(struct buf *b, const struct nasty *n, unsigned int number, const char *dir)
{
	const char	*p;

	if (n->marked)
		buf_printf(b, "tk%02u", number);
	for (p = n->text; *p != '\0'; p++)
		if (p[0] == '@' && p[1] != '\0')
			add_special(b, *++p, number, dir);
		else
			buf_add(b, p, 1);
	if (n->marked)
		buf_printf(b, "kt%02u", number);
}

/*
 * Quotes a text as a local part; leaves out control characters but TAB. free(3)
 * the result.
 */
static char *
quote(const char *text)
{
	struct buf	 b;
	const char	*p;

	buf_init(&b, MAX_VALUE);
	buf_add_str(&b, "\"");
	for (p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t')
			continue;
		if (*p == '"' || *p == '\\')
			buf_add_str(&b, "\\");
		buf_add(&b, p, 1);
	}
	buf_add_str(&b, "\"");
	return buf_steal(&b, NULL);
}

void
torture_value_make(struct torture_value *v, unsigned int number, const char *dir)
{
	const struct nasty	*n = &nasties[number];
	struct buf		 b;

	buf_init(&b, MAX_VALUE);
	buf_add(&b, "", 0);
	add_nasty(&b, n, number, dir);
	v->number = number;
	v->about = n->about;
	v->twin = n->twin;
	v->text = b.len == 0 ? xstrdup("") : buf_steal(&b, NULL);
	v->quoted = quote(v->text);
}

void
torture_value_free(struct torture_value *v)
{
	free(v->text);
	free(v->quoted);
}

/* 1 if both are the same without the bytes that drop() accepts. */
static int
same_without(const char *a, size_t alen, const char *b, size_t blen, int (*drop)(int))
{
	size_t	 i = 0, j = 0;

	for (;;) {
		while (i < alen && drop((unsigned char)a[i]))
			i++;
		while (j < blen && drop((unsigned char)b[j]))
			j++;
		if (i == alen || j == blen)
			return i == alen && j == blen;
		if (a[i++] != b[j++])
			return 0;
	}
}

static int
is_backslash(int c)
{
	return c == '\\';
}

/* Bytes above 127; wrong decoding often makes them question marks. */
static int
is_high(int c)
{
	return c >= 0x80 || c == '?';
}

static int
is_blank(int c)
{
	return c == ' ' || c == '\t';
}

/* 1 if only the escapes were undone once more. */
static int
undone(const char *want, size_t len, const char *got, size_t got_len)
{
	char		*copy = xmemdup0(want, len);
	const char	*why;
	size_t		 n = escape_undo(copy, len, &why);
	int		 same = n == got_len && memcmp(copy, got, n) == 0;

	free(copy);
	return same;
}

/*
 * 1 if both are the same up to the first percent sign, which is gone or doubled
 * in got.
 */
static int
formatted(const char *want, size_t len, const char *got, size_t got_len)
{
	const char	*sign = memchr(want, '%', len);
	size_t		 n;

	if (sign == NULL)
		return 0;
	n = (size_t)(sign - want);
	if (got_len < n || memcmp(want, got, n) != 0)
		return 0;
	if (n == got_len || got[n] != '%')
		return 1;
	return n + 1 < got_len && n + 1 < len && got[n + 1] == '%' && want[n + 1] != '%';
}

/* What turned want into got (a constant text); NULL for a change that may be meant. */
static const char *
cause_of(const char *want, size_t len, const char *got, size_t got_len)
{
	if (len == got_len && memcmp(want, got, len) == 0)
		return NULL;
	if (undone(want, len, got, got_len))
		return "its escapes were undone twice: was it written with echo, or "
		    "unescaped and not escaped again?";
	if (same_without(want, len, got, got_len, is_backslash))
		return got_len < len ?
		    "backslashes are gone: was it read without -r, or written with echo?" :
		    "backslashes were doubled: was a value that has its escapes escaped again?";
	if (formatted(want, len, got, got_len))
		return "a percent sign was interpreted: is the value a format of printf? "
		    "printf '%s\\n' \"$value\" is right";
	if (same_without(want, len, got, got_len, is_high))
		return "bytes above 127 have changed: is the mail decoded and encoded again?";
	if (memchr(want, '\n', len) == NULL && same_without(want, len, got, got_len, is_blank))
		return "blanks are gone: is a variable without quotes around it, or a line "
		    "split into words?";
	return NULL;
}

/* Judges the value with blanks at either end: they must still be there. */
static const char *
ends_cause(const char *text, const char *at, size_t len, const char **got, size_t *got_len)
{
	const char	*end = at + len;

	*got = text;
	*got_len = strlen(text);
	if (at - text >= 2 && is_blank(at[-1]) && is_blank(at[-2]) && is_blank(end[0]) &&
	    is_blank(end[1]))
		return NULL;
	return "the blanks at its ends are gone: read -r key value, strip and their like drop "
	    "them once the value is not escaped any more";
}

/* In an address the value has more backslashes, rightly. */
static const char *
marked_cause(const struct torture_value *v, const char *begin, const char *end, const char *got,
    size_t got_len)
{
	const char	*want = v->text;
	size_t		 len;

	if (strncmp(got + got_len + strlen(end), "\"@", 2) == 0)
		want = v->quoted;
	if ((want = strstr(want, begin)) == NULL)
		return NULL;
	len = (size_t)(strstr(want, end) - want);
	return cause_of(want, len, got, got_len);
}

const char *
torture_mangled(const struct torture_value *v, const char *text, const char **got,
    size_t *got_len)
{
	const char	*at, *stop;
	char		 begin[8], end[8], both[16];

	(void)snprintf(begin, sizeof(begin), "tk%02u", v->number);
	(void)snprintf(end, sizeof(end), "kt%02u", v->number);
	(void)snprintf(both, sizeof(both), "%s %s", begin, end);
	if ((at = strstr(text, begin)) == NULL || (stop = strstr(at, end)) == NULL)
		return NULL;
	if (nasties[v->number].marked) {
		*got = at;
		*got_len = (size_t)(stop - at);
		return marked_cause(v, begin, end, *got, *got_len);
	}
	/* Inside an address, quotes keep the blanks. */
	if (at > text && strchr(text, '"') != NULL)
		return NULL;
	return strncmp(at, both, strlen(both)) == 0 ?
	    ends_cause(text, at, strlen(both), got, got_len) : NULL;
}
