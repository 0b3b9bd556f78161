/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests mail/diff.h with random headers, each changed at random: the actions
 * must turn one into the other in both MTAs, and there must not be more of them
 * than the fewest that any choice of what stays would need. The numbers are the
 * same in each run.
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/header_diff.h"
#include "mail/diff.h"
#include "mta_model.h"
#include "tap.h"
#include "base/xmalloc.h"

#define ROUNDS	6000
#define NAMES	7
#define MAX	7		/* headers up to which all choices are tried */

static uint32_t		 state = 20261128;
static unsigned int	 nnames;	/* in this round; with few names many headers are alike */

static unsigned int
below(unsigned int n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 10) % n;
}

struct texts {
	char	*lines[2000];
	size_t	 count;
};

static char *
random_line(int spaced)
{
	static const char	*const names[NAMES] = { "A", "a", "B", "Date", "Message-Id",
		"Received", "From" };
	static const char	*const values[] = { " 1", " 2", "  1", " 1 ", " 1\n 2", " ",
		" \xe4", "", "1", "\t1" };
	char			 line[40];

	/* If the MTA keeps the space, each value has one. */
	snprintf(line, sizeof(line), "%s:%s\n",
	    names[below(nnames)],
	    values[below(spaced ? 7 : sizeof(values) / sizeof(values[0]))]);
	return xstrdup(line);
}

static void
insert(struct texts *t, size_t at, char *line)
{
	memmove(t->lines + at + 1, t->lines + at, (t->count - at) * sizeof(*t->lines));
	t->lines[at] = line;
	t->count++;
}

static char *
take_out(struct texts *t, size_t at)
{
	char	*line = t->lines[at];

	t->count--;
	memmove(t->lines + at, t->lines + at + 1, (t->count - at) * sizeof(*t->lines));
	return line;
}

static void
clear(struct texts *t)
{
	while (t->count > 0)
		free(take_out(t, t->count - 1));
}

/* A header comes, goes, moves, is doubled or gets another value. */
static void
mutate(struct texts *t, size_t max, int spaced)
{
	unsigned int	 what = below(5), at = t->count == 0 ? 0 : below((unsigned int)t->count);
	char		*line;

	if (t->count == 0 || (what == 0 && t->count < max)) {
		insert(t, below((unsigned int)t->count + 1), random_line(spaced));
	} else if (what == 1) {
		free(take_out(t, at));
	} else if (what == 2) {
		line = take_out(t, at);
		insert(t, below((unsigned int)t->count + 1), line);
	} else if (what == 3 && t->count < max) {
		insert(t, below((unsigned int)t->count + 1), xstrdup(t->lines[at]));
	} else {
		free(t->lines[at]);
		t->lines[at] = random_line(spaced);
	}
}

static void
parse(const struct texts *t, struct buf *b, struct mailfile *m)
{
	const char	*why = "";
	size_t		 i;

	buf_init(b, 1 << 24);
	for (i = 0; i < t->count; i++)
		buf_add_str(b, t->lines[i]);
	buf_add_str(b, "\n");
	if (mailfile_parse(m, b->data, b->len, &why) == -1)
		CHECK(0, why);
}

static int
spelled_alike(const struct mailfile_header *a, const struct mailfile_header *b)
{
	return a->name_len == b->name_len && memcmp(a->text, b->text, a->name_len) == 0;
}

/*
 * The number of actions if the old headers of the set stay as the new ones from
 * first on; -1 if they can't.
 */
static int
cost_of(const struct mailfile *old, const struct mailfile *new, unsigned int set, size_t first)
{
	const struct mailfile_header	*n;
	size_t				 k, j = first, cost = old->count + new->count;

	for (k = 0; k < old->count; k++) {
		if ((set & 1u << k) == 0)
			continue;
		if (j == new->count || !spelled_alike(&old->headers[k], &new->headers[j]))
			return -1;
		n = &new->headers[j++];
		cost -= 2;
		if (mailfile_same(&old->headers[k], n))
			continue;
		if (strcmp(mailfile_value(n), "") == 0 || strcmp(mailfile_value(n), " ") == 0)
			return -1;
		cost++;
	}
	return (int)cost;
}

static size_t
fewest(const struct mailfile *old, const struct mailfile *new)
{
	size_t		 least = old->count + new->count, first;
	unsigned int	 set;
	int		 cost;

	for (set = 0; set < 1u << old->count; set++)
		for (first = 0; first <= new->count; first++)
			if ((cost = cost_of(old, new, set, first)) != -1 &&
			    (size_t)cost < least)
				least = (size_t)cost;
	return least;
}

static size_t
count(const struct action_list *list)
{
	const struct action	*a;
	size_t			 n = 0;

	TAILQ_FOREACH(a, list, entry)
		n++;
	return n;
}

static void
complain(const char *what, const struct buf *from, const struct buf *to)
{
	printf("# %s\n# from: ", what);
	fwrite(from->data, 1, from->len, stdout);
	printf("# to: ");
	fwrite(to->data, 1, to->len, stdout);
}

/* Adds what another handler wants of the same message. */
static void
add_foreign(struct action_list *list)
{
	struct action	*a;
	unsigned int	 n;

	for (n = below(4); n > 0; n--) {
		a = xcalloc(1, sizeof(*a));
		a->kind = below(2) ? ACT_ADD_HEADER : ACT_INSERT_HEADER;
		a->name = xstrdup(below(2) ? "X-Z" : "X-Y");
		a->index = below(6) + 1;
		a->value = xstrdup("z");
		if (below(2))
			TAILQ_INSERT_HEAD(list, a, entry);
		else
			TAILQ_INSERT_TAIL(list, a, entry);
	}
}

static void
drop_foreign(char *text)
{
	char	*p = text, *end;

	while (*p != '\0') {
		end = strchr(p, '\n') + 1;
		if (strncmp(p, "X-", 2) == 0)
			memmove(p, end, strlen(end) + 1);
		else
			p = end;
	}
}

struct how {
	int	 leading_space;
	int	 exhaustive;	/* there must be no more actions than necessary */
	int	 foreign;	/* another handler adds actions */
};

static const char *
try_in(enum mta mta, const struct mailfile *old, const struct mailfile *new, struct how how)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	const char		*wrong = NULL;
	char			*want, *got;

	if (maildiff(old, new, &list, &wrong) == -1)
		return wrong;
	if (how.exhaustive && count(&list) != fewest(old, new))
		wrong = "not the fewest actions";
	if (how.foreign)
		add_foreign(&list);
	mta_model_run(mta, old, new, &list, how.leading_space, &want, &got);
	if (how.foreign)
		drop_foreign(got);
	if (strcmp(got, want) != 0)
		wrong = mta == POSTFIX ? "wrong in Postfix" : "wrong in Sendmail";
	free(want);
	free(got);
	return wrong;
}

/* 1 if the actions for this pair are right. */
static int
try(const struct texts *before, const struct texts *after, struct how how)
{
	struct mailfile	 old, new;
	struct buf	 from, to;
	const char	*wrong;

	parse(before, &from, &old);
	parse(after, &to, &new);
	if ((wrong = try_in(POSTFIX, &old, &new, how)) != NULL ||
	    (wrong = try_in(SENDMAIL, &old, &new, how)) != NULL)
		complain(wrong, &from, &to);
	mailfile_free(&old);
	mailfile_free(&new);
	buf_free(&from);
	buf_free(&to);
	return wrong == NULL;
}

static void
copy(struct texts *to, const struct texts *from)
{
	size_t	 i;

	clear(to);
	for (i = 0; i < from->count; i++)
		insert(to, i, xstrdup(from->lines[i]));
}

static void
test_small(struct how how, const char *name)
{
	static struct texts	 before, after;
	unsigned int		 round, n;
	int			 ok = 1;

	for (round = 0; round < ROUNDS && ok; round++) {
		nnames = below(NAMES) + 1;
		for (n = below(MAX + 1), clear(&before); before.count < n;)
			insert(&before, 0, random_line(!how.leading_space));
		copy(&after, &before);
		for (n = below(2 * MAX); n > 0; n--)
			mutate(&after, MAX, !how.leading_space);
		ok = try(&before, &after, how);
	}
	clear(&before);
	clear(&after);
	CHECK(ok, name);
}

/* Tests so many headers of one name that not all pairs are tried. */
static void
test_large(void)
{
	static struct texts	 before, after;
	unsigned int		 round, n;
	char			 line[40];
	int			 ok = 1;

	nnames = NAMES;
	for (round = 0; round < 6 && ok; round++) {
		for (n = 0, clear(&before); n < 1200; n++) {
			snprintf(line, sizeof(line), "A: %u\n", below(300));
			insert(&before, 0, xstrdup(line));
		}
		copy(&after, &before);
		for (n = below(30); n > 0; n--)
			mutate(&after, 1300, 0);
		ok = try(&before, &after, (struct how){ .leading_space = 1 });
	}
	clear(&before);
	clear(&after);
	CHECK(ok, "a thousand headers of one name");
}

int
main(void)
{
	test_small((struct how){ .leading_space = 1, .exhaustive = 1 },
	    "values with their space");
	test_small((struct how){ .leading_space = 0, .exhaustive = 1 },
	    "values whose space the MTA keeps");
	test_small((struct how){ .leading_space = 1, .foreign = 1 },
	    "beside headers that another handler adds");
	test_large();
	return tap_done();
}
