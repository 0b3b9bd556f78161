/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/text.c: the text of a message, parsed and written.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "mail/text.h"
#include "base/newline.h"

/* The rest of the text, and its first line without the line end. */
struct lines {
	const unsigned char	*p;
	size_t			 left;
	const unsigned char	*line;
	size_t			 len;
	size_t			 next;	/* bytes of the line, line end included */
	int			 crlf;
};

/* Finds the first line of the rest; 0 if nothing is left. */
static int
peek_line(struct lines *l)
{
	const unsigned char	*lf;

	if (l->left == 0)
		return 0;
	lf = memchr(l->p, '\n', l->left);
	l->line = l->p;
	l->len = lf == NULL ? l->left : (size_t)(lf - l->p);
	l->next = lf == NULL ? l->left : l->len + 1;
	l->crlf = lf != NULL && l->len > 0 && l->p[l->len - 1] == '\r';
	if (l->crlf)
		l->len--;
	return 1;
}

static void
skip_line(struct lines *l)
{
	l->p += l->next;
	l->left -= l->next;
}

static int
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The length of the header name at the front of the line, or 0; *colon is the
 * offset of the colon. Byte 127 is allowed, as Sendmail lets such names pass.
 */
static size_t
header_name_len(const struct lines *l, size_t *colon)
{
	const unsigned char	*line = l->line;
	size_t			 n = 0, i;

	while (n < l->len && line[n] > ' ' && line[n] < 128 && line[n] != ':')
		n++;
	for (i = n; i < l->len && is_blank(line[i]); i++)
		;
	*colon = i;
	return i < l->len && line[i] == ':' ? n : 0;
}

static int
is_fold(const struct lines *l)
{
	return l->len > 0 && is_blank(l->line[0]);
}

/* Counts the headers and moves after them; sets count and separator of *m. */
static int
find_end(struct mailfile *m, struct lines *l, const char **why)
{
	size_t	 colon;

	while (peek_line(l)) {
		if (m->count > 0 && is_fold(l)) {
			skip_line(l);
			continue;
		}
		if (l->len == 0) {
			m->separator = 1;
			skip_line(l);
			return 0;
		}
		if (header_name_len(l, &colon) == 0)
			return 0;
		if (++m->count > MAILFILE_MAX_HEADERS) {
			*why = "a message with too many headers";
			return -1;
		}
		skip_line(l);
	}
	return 0;
}

/* Copies one header with its folded lines to the store; returns the end of the copy. */
static char *
store_header(struct mailfile_header *h, struct lines *l, char *to)
{
	(void)peek_line(l);
	h->name_len = header_name_len(l, &h->value);
	h->value++;
	h->text = to;
	do {
		if (to != h->text)
			*to++ = '\n';
		memcpy(to, l->line, l->len);
		to += l->len;
		skip_line(l);
	} while (peek_line(l) && is_fold(l));
	h->len = (size_t)(to - h->text);
	*to++ = '\0';
	return to;
}

static int
store_headers(struct mailfile *m, struct lines *l, size_t bytes, const char **why)
{
	char	*to;
	size_t	 i;

	/* Each NUL replaces a line end; the last header may lack its line end. */
	m->headers = calloc(m->count, sizeof(*m->headers));
	m->store = to = malloc(bytes + 1);
	if (m->headers == NULL || m->store == NULL) {
		*why = "a message that is too large for the memory";
		return -1;
	}
	for (i = 0; i < m->count; i++) {
		to = store_header(&m->headers[i], l, to);
		if (strlen(m->headers[i].text) != m->headers[i].len) {
			*why = "a NUL in a header";
			return -1;
		}
	}
	return 0;
}

static void
skip_mailbox_line(struct lines *l)
{
	size_t	 colon;

	if (l->len >= 5 && memcmp(l->line, "From ", 5) == 0 && header_name_len(l, &colon) == 0)
		skip_line(l);
}

int
mailfile_parse(struct mailfile *m, const void *text, size_t len, const char **why)
{
	struct lines	 l, top;

	memset(m, 0, sizeof(*m));
	memset(&l, 0, sizeof(l));
	l.p = text;
	l.left = len;
	if (len > MAILFILE_MAX) {
		*why = "a message that is too large";
		return -1;
	}
	if (peek_line(&l)) {
		m->crlf = l.crlf;
		skip_mailbox_line(&l);
	}
	top = l;
	if (find_end(m, &l, why) == -1)
		return -1;
	if (m->count > 0 && store_headers(m, &top, (size_t)(l.p - top.p), why) == -1) {
		mailfile_free(m);
		return -1;
	}
	m->body = l.p;
	m->body_len = l.left;
	return 0;
}

void
mailfile_free(struct mailfile *m)
{
	free(m->headers);
	free(m->store);
	memset(m, 0, sizeof(*m));
}

int
mailfile_same(const struct mailfile_header *a, const struct mailfile_header *b)
{
	return a->name_len == b->name_len && a->len - a->value == b->len - b->value &&
	    memcmp(a->text, b->text, a->name_len) == 0 &&
	    memcmp(a->text + a->value, b->text + b->value, a->len - a->value) == 0;
}

static void
remove_headers(struct mailfile *m, size_t at, size_t n)
{
	if (n == 0)
		return;
	m->count -= n;
	memmove(m->headers + at, m->headers + at + n, (m->count - at) * sizeof(*m->headers));
}

void
mailfile_drop_top(struct mailfile *m, size_t n)
{
	remove_headers(m, 0, n < m->count ? n : m->count);
}

void
mailfile_take_off(struct mailfile *m, const struct mailfile_header *lines, size_t n)
{
	size_t	 i, at;

	for (i = 0; i < n; i++) {
		for (at = 0; at < m->count; at++)
			if (mailfile_same(&m->headers[at], &lines[i]))
				break;
		if (at < m->count)
			remove_headers(m, at, 1);
	}
}

static void
add_line_end(struct buf *out, int crlf)
{
	buf_add_str(out, crlf ? "\r\n" : "\n");
}

/* blanks: a continuation line without a blank at its front gets one. */
static void
add_folded(struct buf *out, const char *text, size_t len, int blanks, int crlf)
{
	const char	*lf, *end = text + len;

	while ((lf = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		buf_add(out, text, (size_t)(lf - text));
		add_line_end(out, crlf);
		text = lf + 1;
		if (blanks && (text == end || !is_blank((unsigned char)*text)))
			buf_add_str(out, "\t");
	}
	buf_add(out, text, (size_t)(end - text));
	add_line_end(out, crlf);
}

void
mailfile_write_header(struct buf *out, const char *name, int space, const char *value, int crlf)
{
	buf_add_str(out, name);
	buf_add_str(out, space ? ": " : ":");
	add_folded(out, value, strlen(value), 1, crlf);
}

void
mailfile_write_text(struct buf *out, const char *text, size_t len, int crlf)
{
	add_folded(out, text, len, 0, crlf);
}

void
mailfile_write_body(struct buf *out, const unsigned char *body, size_t len)
{
	struct newline	 nl;

	newline_init(&nl);
	newline_to_crlf(&nl, body, len, out);
	if (len > 0 && body[len - 1] != '\n')
		buf_add_str(out, "\r\n");
}

static void
write_body_lf(struct buf *out, const unsigned char *body, size_t len)
{
	struct newline	 nl;

	newline_init(&nl);
	newline_to_lf(&nl, body, len, out);
	(void)newline_flush(&nl, out);
}

void
mailfile_write_rest(struct buf *out, int separator, const unsigned char *body, size_t len, int crlf)
{
	if (separator || len > 0)
		add_line_end(out, crlf);
	if (crlf)
		mailfile_write_body(out, body, len);
	else
		write_body_lf(out, body, len);
}

void
mailfile_write(struct buf *out, const struct mailfile *m, int crlf)
{
	size_t	 i;

	for (i = 0; i < m->count; i++)
		mailfile_write_text(out, m->headers[i].text, m->headers[i].len, crlf);
	mailfile_write_rest(out, m->separator, m->body, m->body_len, crlf);
}
