/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/smtp_text.c: the SMTP reply of the milter packet y.
 */
#include "base/compat.h"

#include <string.h>

#include "base/escape.h"
#include "milter/smtp_text.h"
#include "base/xmalloc.h"

#define MAX_REPLY	((size_t)1 << 17)

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * For a single % Sendmail replaces the whole reply by a permanent one; Postfix
 * drops the %.
 */
static const char *
check_percent(const char *text)
{
	const char	*p;

	for (p = text; (p = strchr(p, '%')) != NULL; p += 2)
		if (p[1] != '%')
			return "a % that is not doubled";
	return NULL;
}

/* Checks one line without its CRLF. last: no line follows. */
static const char *
check_line(const char *line, const char *first, size_t len, int last)
{
	if (len < 3 || (line[0] != '4' && line[0] != '5') || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return "a line that does not begin with a code from 400 to 599";
	if (memcmp(line, first, 3) != 0)
		return "lines of different codes";
	if (len < 4 || line[3] != (last ? ' ' : '-'))
		return last ? "no space after the code of the last line" :
		    "no - after the code of a line that is not the last";
	if (len > 4 && is_digit(line[4]) && line[4] != line[0])
		return "a digit after the code that does not begin an enhanced code "
		    "of the same class";
	return NULL;
}

const char *
smtp_text_check(const char *text)
{
	const char	*line, *end, *why;
	int		 last;

	for (line = text;; line = end + 2) {
		end = line + strcspn(line, "\r\n");
		last = *end == '\0';
		if (!last && strncmp(end, "\r\n", 2) != 0)
			return "a CR or LF alone";
		if (!last && end[2] == '\0')
			return "a line end after the last line";
		if ((why = check_line(line, text, (size_t)(end - line), last)) != NULL)
			return why;
		if (last)
			return check_percent(text);
	}
}

char *
smtp_text_plain(const char *text)
{
	char	*plain = xstrdup(text), *to = plain;

	for (; *text != '\0'; text++) {
		if (text[0] == '\r' && text[1] == '\n')
			continue;
		*to++ = *text;
		if (text[0] == '%' && text[1] == '%')
			text++;
	}
	*to = '\0';
	return plain;
}

int
smtp_text_closes(const char *text)
{
	return strncmp(text, "421", 3) == 0 || strncmp(text, "521", 3) == 0;
}

/*
 * The length of the enhanced code at the front, with the space after it; 0:
 * there is none.
 */
static size_t
enhanced_len(const char *p, char class)
{
	size_t	 len = 1, n;
	int	 part;

	if (p[0] != class)
		return 0;
	for (part = 0; part < 2; part++) {
		if (p[len] != '.')
			return 0;
		n = strspn(p + len + 1, "0123456789");
		if (n < 1 || n > 3)
			return 0;
		len += n + 1;
	}
	if (p[len] == ' ')
		return len + 1;
	return p[len] == '\0' || p[len] == '\n' ? len : 0;
}

/* Adds the text of all lines without their codes, with LF between them. */
static void
reply_text(struct buf *text, const char *plain, const char *enhanced, size_t elen)
{
	const char	*line, *end;

	for (line = plain;; line = end + 1) {
		end = line + strcspn(line, "\n");
		line += 4;
		if (elen > 0 && strncmp(line, enhanced, elen) == 0)
			line += elen;
		else if (elen > 0 && line + elen - 1 == end &&
		    strncmp(line, enhanced, elen - 1) == 0)
			line = end;
		buf_add(text, line, (size_t)(end - line));
		if (*end == '\0')
			return;
		buf_add(text, "\n", 1);
	}
}

void
smtp_text_words(struct buf *out, const char *plain)
{
	size_t		 elen = enhanced_len(plain + 4, plain[0]);
	size_t		 clen = elen > 0 ? strcspn(plain + 4, " \n") : 0;
	struct buf	 text;

	buf_init(&text, MAX_REPLY);
	reply_text(&text, plain, plain + 4, elen);
	/* 4.7.00 is another code. */
	if (strncmp(plain, "421 4.7.0", 9) == 0 && clen == 5)
		buf_add_str(out, "shutdown");
	else {
		buf_add_str(out, plain[0] == '5' ? "reject " : "tempfail ");
		buf_add(out, plain, 3);
		if (clen > 0) {
			buf_add(out, " ", 1);
			buf_add(out, plain + 4, clen);
		}
	}
	if (text.len > 0) {
		buf_add(out, " ", 1);
		escape(out, (const char *)text.data, text.len);
	}
	buf_free(&text);
}
