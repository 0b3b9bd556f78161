/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes mail/diff.h: two texts of a message. The difference, sent as packets to a
 * model of each MTA, makes the one the other: header and body are those of the second.
 * The input makes the first message, and then changes it to the second.
 */

#include "base/compat.h"

#include "base/xmalloc.h"
#include "fuzz.h"
#include "mail/diff.h"
#include "../tests/unit/mta_model.h"

#define MAX_LINES	60
#define MAX_TEXT	((size_t)1 << 22)

struct lines {
	char		*text[MAX_LINES];
	unsigned int	 n;
};

static const char *const names[] = { "A", "a", "B", "Date", "Message-Id", "Received", "From",
	"Return-Path", "Subject", "X-\xc3\xa4", "Bcc", "A " };
static const char *const values[] = { " 1", " 2", "  1", " 1 ", " 1\n 2", " ", " \xe4", " 3:4",
	/* No MTA that keeps the space to itself has these. */
	"", "1", "\t1" };
static const char *const bodies[] = { "", "x\n", "x\r\n", "x\r\r\n", "\n", ".\n", "last", "\r",
	"From x\n", "no header\n" };

#define SPACED	8

static void
insert(struct lines *l, unsigned int at, char *text)
{
	if (l->n == MAX_LINES) {
		free(text);
		return;
	}
	memmove(l->text + at + 1, l->text + at, (l->n - at) * sizeof(*l->text));
	l->text[at] = text;
	l->n++;
}

static char *
take_out(struct lines *l, unsigned int at)
{
	char	*text = l->text[at];

	l->n--;
	memmove(l->text + at, l->text + at + 1, (l->n - at) * sizeof(*l->text));
	return text;
}

static void
clear(struct lines *l)
{
	while (l->n > 0)
		free(take_out(l, l->n - 1));
}

static unsigned int
below(struct input *in, unsigned int n)
{
	return take_byte(in) % n;
}

static char *
header(struct input *in, int leading_space)
{
	const char	*name = names[below(in, nitems(names))];
	const char	*value = values[below(in, leading_space ? nitems(values) : SPACED)];
	struct buf	 b;

	buf_init(&b, MAX_TEXT);
	buf_printf(&b, "%s:%s\n", name, value);
	return buf_steal(&b, NULL);
}

/* One header comes, goes, moves, is doubled or has another value. */
static void
change(struct input *in, struct lines *l, int leading_space)
{
	unsigned int	 what = below(in, 5), at, to;
	char		*text;

	if (l->n == 0 || what == 0) {
		to = below(in, l->n + 1);
		insert(l, to, header(in, leading_space));
		return;
	}
	at = below(in, l->n);
	if (what == 1)
		free(take_out(l, at));
	else if (what == 2) {
		text = take_out(l, at);
		insert(l, below(in, l->n + 1), text);
	} else if (what == 3)
		insert(l, below(in, l->n + 1), xstrdup(l->text[at]));
	else {
		free(l->text[at]);
		l->text[at] = header(in, leading_space);
	}
}

static void
make(struct input *in, const struct lines *l, struct buf *text)
{
	unsigned int	 i, n;

	buf_init(text, MAX_TEXT);
	for (i = 0; i < l->n; i++)
		buf_add_str(text, l->text[i]);
	buf_add_str(text, "\n");
	for (n = below(in, 6); n > 0; n--)
		buf_add_str(text, bodies[below(in, nitems(bodies))]);
}

/* Line ends of a body in one form, a CR before one lost: what counts as the same. */
static char *
plain_body(const void *body, size_t len, size_t *n)
{
	const char	*p = body;
	char		*text = malloc(len + 2);
	size_t		 i;

	CHECK(text != NULL);
	for (*n = 0, i = 0; i < len; i++) {
		while (p[i] == '\n' && *n > 0 && text[*n - 1] == '\r')
			--*n;
		text[(*n)++] = p[i];
	}
	if (len > 0 && p[len - 1] != '\n') {
		while (*n > 0 && text[*n - 1] == '\r')
			--*n;
		text[(*n)++] = '\n';
	}
	return text;
}

static void
check_body(const struct mailfile *old, const struct mailfile *new,
    const struct action_list *list)
{
	const struct action	*a, *last = TAILQ_LAST(list, action_list);
	const void		*body = old->body;
	struct buf		 want;
	char			*x, *y;
	size_t			 n, m, len = old->body_len;

	TAILQ_FOREACH(a, list, entry)
		CHECK(a->kind != ACT_REPLACE_BODY || a == last);
	buf_init(&want, MAX_TEXT);
	if (last != NULL && last->kind == ACT_REPLACE_BODY) {
		mailfile_write_body(&want, new->body, new->body_len);
		CHECK(last->body_len == want.len &&
		    (want.len == 0 || memcmp(last->body, want.data, want.len) == 0));
		body = last->body;
		len = last->body_len;
	}
	x = plain_body(body, len, &n);
	y = plain_body(new->body, new->body_len, &m);
	CHECK(n == m && memcmp(x, y, n) == 0);
	free(x);
	free(y);
	buf_free(&want);
}

static void
check_in(enum mta mta, const struct mailfile *old, const struct mailfile *new, int leading_space)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	const char		*why;
	char			*want, *got;

	if (maildiff(old, new, &list, &why) == -1) {
		CHECK(TAILQ_EMPTY(&list) && why != NULL);
		return;
	}
	check_body(old, new, &list);
	mta_model_run(mta, old, new, &list, leading_space, &want, &got);
	if (strcmp(want, got) != 0)
		fprintf(stderr, "%s, wanted:\n%s\ngot:\n%s\n",
		    mta == POSTFIX ? "Postfix" : "Sendmail", want, got);
	CHECK(strcmp(want, got) == 0);
	free(want);
	free(got);
}

/* Nothing is to be done where nothing was changed. */
static void
check_same(const struct mailfile *m)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	const char		*why;

	CHECK(maildiff(m, m, &list, &why) == 0 && TAILQ_EMPTY(&list));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input	 in = { .p = data, .left = size };
	struct lines	 lines = { .n = 0 };
	struct mailfile	 old, new;
	struct buf	 from, to;
	const char	*why;
	int		 leading_space = take_byte(&in) & 1;
	unsigned int	 n;

	for (n = below(&in, 20); n > 0; n--)
		insert(&lines, lines.n, header(&in, leading_space));
	make(&in, &lines, &from);
	for (n = below(&in, 30); n > 0; n--)
		change(&in, &lines, leading_space);
	make(&in, &lines, &to);
	CHECK(mailfile_parse(&old, from.data, from.len, &why) == 0);
	CHECK(mailfile_parse(&new, to.data, to.len, &why) == 0);
	check_same(&old);
	check_in(POSTFIX, &old, &new, leading_space);
	check_in(SENDMAIL, &old, &new, leading_space);
	mailfile_free(&old);
	mailfile_free(&new);
	buf_free(&from);
	buf_free(&to);
	clear(&lines);
	return 0;
}
