/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/diff.c: the difference of two messages as actions.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "mail/header_diff.h"
#include "mail/diff.h"
#include "milter/proto.h"
#include "base/newline.h"
#include "base/xmalloc.h"

/* 1 if there is no header and no body: the message is at most the empty line. */
static int
is_nothing(const struct mailfile *m)
{
	return m->count == 0 && m->body_len == 0;
}

/* A filter is not blamed for what the message already lacked: some mail has no header. */
const char *
maildiff_fault(const struct mailfile *given, const struct mailfile *returned)
{
	if (is_nothing(returned) && !(returned->separator && is_nothing(given)))
		return "returned nothing";
	if (returned->count == 0 && given->count > 0)
		return "returned a message without a header";
	if (returned->body_len > 0 && !returned->separator && given->separator)
		return "returned a line that is no header among the headers";
	if (returned->body_len == 0 && given->body_len > 0)
		return "returned a message without its body";
	return NULL;
}

static struct action *
header_action(enum action_kind kind, const struct mailfile_header *h, uint32_t index)
{
	struct action	*a = xcalloc(1, sizeof(*a));

	a->kind = kind;
	a->name = xmemdup0(h->text, h->name_len);
	a->index = index;
	a->exact = 1;
	if (kind != ACT_DELETE_HEADER)
		a->value = xstrdup(mailfile_value(h));
	return a;
}

/* Says what is wrong with a header that the MTA is to get; or NULL. */
static const char *
header_problem(const struct mailfile_header *h)
{
	/*
	 * The packet has an index and two NULs; it lacks the colon and the
	 * blanks before it.
	 */
	if (h->name_len + (h->len - h->value) + 4 + 2 > MILTER_MAX_DATA)
		return "header too long";
	if (memchr(h->text, 127, h->name_len) != NULL)
		return "expected the name of a header: printable ASCII, no colon";
	return NULL;
}

static void
append_action(struct action_list *list, struct action *a)
{
	TAILQ_INSERT_TAIL(list, a, entry);
}

/*
 * Headers at the top are inserted from the last to the first, each above the
 * one before.
 */
static void
add_insertions(const struct mailfile *new, const struct header_diff *d, struct action_list *list)
{
	size_t	 j;

	for (j = d->first; j-- > 0;)
		append_action(list, header_action(ACT_INSERT_HEADER, &new->headers[j], 1));
	for (j = d->end; j < new->count; j++)
		append_action(list, header_action(ACT_INSERT_HEADER, &new->headers[j],
		    ACTION_INDEX_END));
}

static void
add_changes(const struct mailfile *old, const struct mailfile *new,
    const struct header_diff *d, struct action_list *list)
{
	size_t	 j, k = 0;

	for (j = d->first; j < d->end; j++) {
		for (; k < d->kept[j]; k++)
			append_action(list, header_action(ACT_DELETE_HEADER, &old->headers[k],
			    d->index[k]));
		if (!mailfile_same(&old->headers[k], &new->headers[j]))
			append_action(list, header_action(ACT_CHANGE_HEADER, &new->headers[j],
			    d->index[k]));
		k++;
	}
	for (; k < old->count; k++)
		append_action(list, header_action(ACT_DELETE_HEADER, &old->headers[k], d->index[k]));
}

static int
diff_headers(const struct mailfile *old, const struct mailfile *new,
    struct action_list *list, const char **why)
{
	struct header_diff	 d;
	size_t			 j;

	*why = NULL;
	header_diff_find(old, new, &d);
	for (j = 0; j < new->count && *why == NULL; j++)
		if (j < d.first || j >= d.end ||
		    !mailfile_same(&old->headers[d.kept[j]], &new->headers[j]))
			*why = header_problem(&new->headers[j]);
	if (*why == NULL) {
		add_changes(old, new, &d, list);
		add_insertions(new, &d, list);
	}
	header_diff_free(&d);
	return *why == NULL ? 0 : -1;
}

static int
write_bodies(const struct mailfile *old, const struct mailfile *new,
    struct buf *before, struct buf *after)
{
	mailfile_write_body(before, old->body, old->body_len);
	mailfile_write_body(after, new->body, new->body_len);
	return buf_ok(before) && buf_ok(after);
}

static int
is_equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/*
 * 1 if a filter that reads LF for CRLF would return this text for an unchanged
 * body: such a filter loses a CR before a CRLF. text is scratch memory.
 */
static int
is_copy(const struct mailfile *old, const struct buf *after, struct buf *text)
{
	struct newline	 nl;
	struct buf	 lf;
	int		 same;

	buf_init(&lf, MAILFILE_MAX);
	newline_init(&nl);
	newline_to_lf(&nl, old->body, old->body_len, &lf);
	(void)newline_flush(&nl, &lf);
	buf_reset(text);
	if (lf.len > 0)
		mailfile_write_body(text, lf.data, lf.len);
	same = buf_ok(&lf) && buf_ok(text) && is_equal(text, after);
	buf_free(&lf);
	return same;
}

/* Sets *a to the action if the body differs, else to NULL. */
static int
diff_body(const struct mailfile *old, const struct mailfile *new, struct action **a,
    const char **why)
{
	struct buf	 before, after;
	int		 ok;

	*a = NULL;
	if (old->body_len == new->body_len && (new->body_len == 0 ||
	    memcmp(old->body, new->body, new->body_len) == 0))
		return 0;
	buf_init(&before, 2 * MAILFILE_MAX + 2);
	buf_init(&after, 2 * MAILFILE_MAX + 2);
	if (!(ok = write_bodies(old, new, &before, &after)))
		*why = "a message that is too large";
	else if (!is_equal(&before, &after) && !is_copy(old, &after, &before)) {
		*a = xcalloc(1, sizeof(**a));
		(*a)->kind = ACT_REPLACE_BODY;
		(*a)->body = (unsigned char *)buf_steal(&after, &(*a)->body_len);
	}
	buf_free(&before);
	buf_free(&after);
	return ok ? 0 : -1;
}

int
maildiff(const struct mailfile *old, const struct mailfile *new,
    struct action_list *list, const char **why)
{
	struct action	*body;

	if (diff_body(old, new, &body, why) == -1)
		return -1;
	if (diff_headers(old, new, list, why) == -1) {
		action_free(body);
		return -1;
	}
	if (body != NULL)
		append_action(list, body);
	return 0;
}
