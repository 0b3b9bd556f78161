/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/edit.c: what becomes of a message.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/text.h"
#include "milter/proto.h"
#include "mta/edit.h"
#include "base/xmalloc.h"

#define MAX_TEXT	((size_t)1 << 20)
#define MAX_BODY	((size_t)1 << 31)

void
mta_bracket(struct buf *out, const char *address)
{
	if (address[0] == '<') {
		buf_add_str(out, address);
		return;
	}
	buf_add_str(out, "<");
	buf_add_str(out, address);
	buf_add_str(out, ">");
}

static char *
bracketed(const char *address)
{
	struct buf	 b;
	size_t		 len;

	buf_init(&b, MAX_TEXT);
	mta_bracket(&b, address);
	return buf_steal(&b, &len);
}

void
mta_edit_init(struct mta_edit *e, const struct mta_message *m, const char *sender)
{
	const struct mta_header	*h;
	struct mta_header	*copy;

	memset(e, 0, sizeof(*e));
	TAILQ_INIT(&e->headers);
	TAILQ_INIT(&e->rcpts);
	buf_init(&e->body, MAX_BODY);
	e->own = mta_header_new("Received:", 9, 8);
	TAILQ_INSERT_TAIL(&e->headers, e->own, entry);
	TAILQ_FOREACH(h, &m->headers, entry) {
		copy = mta_header_new(h->text, strlen(h->text), strlen(h->name));
		TAILQ_INSERT_TAIL(&e->headers, copy, entry);
	}
	e->sender = xstrdup(sender);
	e->old_body = m->body;
	e->old_len = m->body_len;
	e->separator = m->separator;
}

void
mta_edit_free(struct mta_edit *e)
{
	struct mta_rcpt	*r;

	mta_headers_clear(&e->headers);
	while ((r = TAILQ_FIRST(&e->rcpts)) != NULL) {
		TAILQ_REMOVE(&e->rcpts, r, entry);
		free(r->address);
		free(r);
	}
	free(e->sender);
	free(e->reason);
	buf_free(&e->body);
}

void
mta_edit_rcpt(struct mta_edit *e, const char *address)
{
	struct mta_rcpt	*r = xcalloc(1, sizeof(*r));

	r->address = xstrdup(address);
	TAILQ_INSERT_TAIL(&e->rcpts, r, entry);
}

size_t
mta_edit_count_rcpts(const struct mta_edit *e)
{
	const struct mta_rcpt	*r;
	size_t			 n = 0;

	TAILQ_FOREACH(r, &e->rcpts, entry)
		n++;
	return n;
}

/*
 * Makes a header of the filter. A continuation line without a blank at its
 * front gets one, as in Postfix.
 */
static struct mta_header *
new_header(const struct mta_edit *e, const char *name, const char *value)
{
	struct mta_header	*h;
	struct buf		 b;

	buf_init(&b, MAX_TEXT);
	mailfile_write_header(&b, name, !e->leadspc, value, 0);
	/* The header ends before the line end. */
	h = mta_header_new((const char *)b.data, b.len - 1, strlen(name));
	buf_free(&b);
	return h;
}

static const char *
odd_value(const char *value)
{
	const char	*p;

	if (strchr(value, '\r') != NULL)
		return "a CR in a header value, which Postfix keeps";
	for (p = value; (p = strchr(p, '\n')) != NULL; p++)
		if (p[1] != ' ' && p[1] != '\t')
			return "a line of a header value without a blank at its beginning";
	return NULL;
}

static const char *
append_header(struct mta_edit *e, const struct milter_reply *r)
{
	struct mta_header	*h = new_header(e, r->name, r->text);

	TAILQ_INSERT_TAIL(&e->headers, h, entry);
	return odd_value(r->text);
}

/* As in Postfix, the index counts all headers that will be stored: 0 is the very top. */
static const char *
insert_header(struct mta_edit *e, const struct milter_reply *r)
{
	struct mta_header	*at, *h;
	uint32_t		 i = r->index;

	at = TAILQ_FIRST(&e->headers);
	while (at != NULL && i > 0) {
		at = TAILQ_NEXT(at, entry);
		i--;
	}
	if (at == NULL)
		return append_header(e, r);
	h = new_header(e, r->name, r->text);
	TAILQ_INSERT_BEFORE(at, h, entry);
	return odd_value(r->text);
}

/*
 * As in Postfix, the index counts the headers of that name that are left, and 0
 * means 1. Postfix never looks at the first of all headers: it takes it for its
 * own Received, even after an insertion above that.
 */
static struct mta_header *
find_header(const struct mta_edit *e, const char *name, uint32_t index)
{
	struct mta_header	*h = TAILQ_FIRST(&e->headers);

	if (h != NULL)
		h = TAILQ_NEXT(h, entry);
	for (; h != NULL; h = TAILQ_NEXT(h, entry))
		if (mta_header_is(h, name) && index-- <= 1)
			return h;
	return NULL;
}

static void
remove_header(struct mta_edit *e, struct mta_header *h)
{
	if (h == e->own)
		e->own = NULL;
	TAILQ_REMOVE(&e->headers, h, entry);
	mta_header_free(h);
}

static const char *
change_header(struct mta_edit *e, const struct milter_reply *r)
{
	struct mta_header	*h = find_header(e, r->name, r->index), *new;

	if (r->text[0] == '\0') {
		if (h == NULL)
			return "there is no such header to delete";
		remove_header(e, h);
		return NULL;
	}
	if (h == NULL) {
		(void)append_header(e, r);
		return "there is no such header to change: it is added";
	}
	new = new_header(e, r->name, r->text);
	TAILQ_INSERT_BEFORE(h, new, entry);
	remove_header(e, h);
	return odd_value(r->text);
}

/*
 * Finds a recipient. Addresses are compared byte by byte or, with fold, in any
 * case; brackets do not matter.
 */
static struct mta_rcpt *
find_rcpt(const struct mta_edit *e, const char *address, int fold)
{
	struct mta_rcpt	*r;
	char		*wanted = bracketed(address);

	TAILQ_FOREACH(r, &e->rcpts, entry)
		if (fold ? strcasecmp(r->address, wanted) == 0 :
		    strcmp(r->address, wanted) == 0)
			break;
	free(wanted);
	return r;
}

static const char *
add_rcpt(struct mta_edit *e, const struct milter_reply *r)
{
	char	*address;

	if (r->text[0] == '\0' || strcmp(r->text, "<>") == 0)
		return "an empty recipient is not added";
	if (find_rcpt(e, r->text, 1) != NULL)
		return "the recipient is there already";
	address = bracketed(r->text);
	mta_edit_rcpt(e, address);
	free(address);
	return NULL;
}

static const char *
delete_rcpt(struct mta_edit *e, const struct milter_reply *r)
{
	struct mta_rcpt	*rcpt = find_rcpt(e, r->text, 0);

	if (rcpt == NULL)
		return "there is no recipient of exactly this spelling";
	TAILQ_REMOVE(&e->rcpts, rcpt, entry);
	free(rcpt->address);
	free(rcpt);
	return NULL;
}

static const char *
replace_body(struct mta_edit *e, const struct milter_reply *r)
{
	e->body_replaced = 1;
	buf_add(&e->body, r->body, r->body_len);
	return buf_ok(&e->body) ? NULL : "the new body is too large for this program";
}

static const char *
replace_text(char **text, char *value)
{
	free(*text);
	*text = value;
	return NULL;
}

const char *
mta_edit_apply(struct mta_edit *e, const struct milter_reply *r)
{
	switch (r->code) {
	case SMFIR_ADDHEADER:
		return append_header(e, r);
	case SMFIR_INSHEADER:
		return insert_header(e, r);
	case SMFIR_CHGHEADER:
		return change_header(e, r);
	case SMFIR_REPLBODY:
		return replace_body(e, r);
	case SMFIR_ADDRCPT:
	case SMFIR_ADDRCPT_PAR:
		return add_rcpt(e, r);
	case SMFIR_DELRCPT:
		return delete_rcpt(e, r);
	case SMFIR_CHGFROM:
		return replace_text(&e->sender, bracketed(r->text));
	case SMFIR_QUARANTINE:
		return replace_text(&e->reason, xstrdup(r->text));
	default:
		return NULL;
	}
}

/* Ends every line of a new body with CRLF, the last one too. */
static void
mend_body(struct buf *body)
{
	struct buf	 mended;

	buf_init(&mended, 2 * MAX_BODY);
	mailfile_write_body(&mended, body->data, body->len);
	buf_free(body);
	*body = mended;
}

void
mta_edit_write(struct mta_edit *e, int crlf, struct buf *out)
{
	mend_body(&e->body);
	if (e->own != NULL) {
		TAILQ_REMOVE(&e->headers, e->own, entry);
		mta_header_free(e->own);
		e->own = NULL;
	}
	mta_message_write(&e->headers, e->separator,
	    e->body_replaced ? e->body.data : e->old_body,
	    e->body_replaced ? e->body.len : e->old_len, crlf, out);
}
