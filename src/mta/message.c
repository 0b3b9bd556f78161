/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/message.c: a message as milter-send reads and writes it.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/text.h"
#include "milter/proto.h"
#include "mta/message.h"
#include "base/xmalloc.h"

struct mta_header *
mta_header_new(const char *text, size_t len, size_t name_len)
{
	struct mta_header	*h = xcalloc(1, sizeof(*h));
	const char		*colon;

	h->text = xmemdup0(text, len);
	h->name = xmemdup0(text, name_len);
	colon = strchr(h->text + name_len, ':');
	h->value = colon == NULL ? len : (size_t)(colon - h->text) + 1;
	return h;
}

void
mta_header_free(struct mta_header *h)
{
	free(h->text);
	free(h->name);
	free(h);
}

void
mta_headers_clear(struct mta_headers *headers)
{
	struct mta_header	*h;

	while ((h = TAILQ_FIRST(headers)) != NULL) {
		TAILQ_REMOVE(headers, h, entry);
		mta_header_free(h);
	}
}

int
mta_header_is(const struct mta_header *h, const char *name)
{
	return strcasecmp(h->name, name) == 0;
}

static int
copy_headers(struct mta_message *m, const struct mailfile *file, const char **why)
{
	const struct mailfile_header	*h;
	struct mta_header		*copy;

	for (h = file->headers; h < file->headers + file->count; h++) {
		/* The packet lacks the colon and has two NULs. */
		if (h->len + 1 > MILTER_MAX_DATA) {
			*why = "a header that is too long for the milter protocol";
			return -1;
		}
		copy = mta_header_new(h->text, h->len, h->name_len);
		TAILQ_INSERT_TAIL(&m->headers, copy, entry);
	}
	return 0;
}

static int
copy_body(struct mta_message *m, const struct mailfile *file, const char **why)
{
	struct buf	 body;

	if (file->body_len == 0)
		return 0;
	/* Each line feed may become two bytes. */
	buf_init(&body, 2 * MAILFILE_MAX + 2);
	mailfile_write_body(&body, file->body, file->body_len);
	if (!buf_ok(&body)) {
		buf_free(&body);
		*why = "a message that is too large";
		return -1;
	}
	m->body = (unsigned char *)buf_steal(&body, &m->body_len);
	return 0;
}

int
mta_message_parse(struct mta_message *m, const void *data, size_t len, const char **why)
{
	struct mailfile	 file;
	int		 r;

	memset(m, 0, sizeof(*m));
	TAILQ_INIT(&m->headers);
	if (mailfile_parse(&file, data, len, why) == -1)
		return -1;
	m->crlf = file.crlf;
	m->separator = file.separator;
	r = copy_headers(m, &file, why);
	if (r == 0)
		r = copy_body(m, &file, why);
	mailfile_free(&file);
	if (r == -1)
		mta_message_free(m);
	return r;
}

void
mta_message_free(struct mta_message *m)
{
	mta_headers_clear(&m->headers);
	free(m->body);
	m->body = NULL;
	m->body_len = 0;
}

void
mta_message_write(const struct mta_headers *headers, int separator,
    const unsigned char *body, size_t body_len, int crlf, struct buf *out)
{
	const struct mta_header	*h;

	TAILQ_FOREACH(h, headers, entry)
		mailfile_write_text(out, h->text, strlen(h->text), crlf);
	mailfile_write_rest(out, separator, body, body_len, crlf);
}
