/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "milter_proto.h"
#include "ms_message.h"
#include "newline.h"
#include "xmalloc.h"

#define MAX_MESSAGE	((size_t)1 << 30)

/* What is left to read, and the line in hand without its end. */
struct lines {
	const unsigned char	*p;
	size_t			 left;
	const unsigned char	*line;
	size_t			 len;
	size_t			 next;	/* bytes of the line with its end */
	int			 crlf;
};

struct ms_header *
ms_header_new(const char *text, size_t len, size_t name_len)
{
	struct ms_header	*h = xcalloc(1, sizeof(*h));
	const char		*colon;

	h->text = xmemdup0(text, len);
	h->name = xmemdup0(text, name_len);
	colon = strchr(h->text + name_len, ':');
	h->value = colon == NULL ? len : (size_t)(colon - h->text) + 1;
	return h;
}

void
ms_header_free(struct ms_header *h)
{
	free(h->text);
	free(h->name);
	free(h);
}

void
ms_headers_clear(struct ms_headers *headers)
{
	struct ms_header	*h;

	while ((h = TAILQ_FIRST(headers)) != NULL) {
		TAILQ_REMOVE(headers, h, entry);
		ms_header_free(h);
	}
}

int
ms_header_is(const struct ms_header *h, const char *name)
{
	return strcasecmp(h->name, name) == 0;
}

/* Finds the line at the front; 0 if nothing is left. */
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

/* The length of the header name that the line begins with, or 0. */
static size_t
header_name_len(const unsigned char *line, size_t len)
{
	size_t	 n = 0, i;

	while (n < len && line[n] > ' ' && line[n] < 127 && line[n] != ':')
		n++;
	for (i = n; i < len && is_blank(line[i]); i++)
		;
	return i < len && line[i] == ':' ? n : 0;
}

/* One header with its folded lines. */
static int
read_header(struct ms_message *m, struct lines *l, size_t name_len, const char **why)
{
	struct ms_header	*h;
	struct buf		 text;
	int			 ok;

	buf_init(&text, MAX_MESSAGE);
	buf_add(&text, l->line, l->len);
	skip_line(l);
	while (peek_line(l) && l->len > 0 && is_blank(l->line[0])) {
		buf_add(&text, "\n", 1);
		buf_add(&text, l->line, l->len);
		skip_line(l);
	}
	ok = 0;
	if (memchr(text.data, '\0', text.len) != NULL)
		*why = "a NUL in a header";
	/* The colon goes and two NULs come. */
	else if (text.len + 1 > MILTER_MAX_DATA)
		*why = "a header that is too long for the milter protocol";
	else
		ok = 1;
	if (ok) {
		h = ms_header_new((const char *)text.data, text.len, name_len);
		TAILQ_INSERT_TAIL(&m->headers, h, entry);
	}
	buf_free(&text);
	return ok ? 0 : -1;
}

static int
read_headers(struct ms_message *m, struct lines *l, const char **why)
{
	size_t	 name_len;

	while (peek_line(l)) {
		if (l->len == 0) {
			m->separator = 1;
			skip_line(l);
			return 0;
		}
		if ((name_len = header_name_len(l->line, l->len)) == 0)
			return 0;
		if (read_header(m, l, name_len, why) == -1)
			return -1;
	}
	return 0;
}

static int
read_body(struct ms_message *m, const unsigned char *p, size_t len, const char **why)
{
	struct newline	 nl;
	struct buf	 body;

	if (len == 0)
		return 0;
	newline_init(&nl);
	/* Each line feed may become two bytes. */
	buf_init(&body, 2 * MAX_MESSAGE);
	newline_to_crlf(&nl, p, len, &body);
	if (body.len < 2 || memcmp(body.data + body.len - 2, "\r\n", 2) != 0)
		buf_add(&body, "\r\n", 2);
	if (!buf_ok(&body)) {
		buf_free(&body);
		*why = "a message that is too large";
		return -1;
	}
	m->body = (unsigned char *)buf_steal(&body, &m->body_len);
	return 0;
}

int
ms_message_parse(struct ms_message *m, const void *data, size_t len, const char **why)
{
	struct lines	 l;

	memset(m, 0, sizeof(*m));
	TAILQ_INIT(&m->headers);
	memset(&l, 0, sizeof(l));
	l.p = data;
	l.left = len;
	if (len > MAX_MESSAGE) {
		*why = "a message that is too large";
		return -1;
	}
	if (peek_line(&l)) {
		m->crlf = l.crlf;
		if (l.len >= 5 && memcmp(l.line, "From ", 5) == 0)
			skip_line(&l);
	}
	if (read_headers(m, &l, why) == -1 || read_body(m, l.p, l.left, why) == -1) {
		ms_message_free(m);
		return -1;
	}
	return 0;
}

void
ms_message_free(struct ms_message *m)
{
	ms_headers_clear(&m->headers);
	free(m->body);
	m->body = NULL;
	m->body_len = 0;
}

static void
write_header(const struct ms_header *h, int crlf, struct buf *out)
{
	const char	*p, *lf;

	for (p = h->text; (lf = strchr(p, '\n')) != NULL; p = lf + 1) {
		buf_add(out, p, (size_t)(lf - p));
		buf_add_str(out, crlf ? "\r\n" : "\n");
	}
	buf_add_str(out, p);
	buf_add_str(out, crlf ? "\r\n" : "\n");
}

void
ms_message_write(const struct ms_headers *headers, int separator,
    const unsigned char *body, size_t body_len, int crlf, struct buf *out)
{
	const struct ms_header	*h;
	struct newline		 nl;

	TAILQ_FOREACH(h, headers, entry)
		write_header(h, crlf, out);
	if (separator || body_len > 0)
		buf_add_str(out, crlf ? "\r\n" : "\n");
	if (body_len == 0)
		return;
	if (crlf) {
		buf_add(out, body, body_len);
		return;
	}
	newline_init(&nl);
	newline_to_lf(&nl, body, body_len, out);
	(void)newline_flush(&nl, out);
}
