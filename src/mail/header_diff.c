/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/header_diff.c: which headers of an old message stay in a new one.
 *
 * A pair is a new header with an old one of the same spelling that it may be.
 * The best chain of pairs, rising in both messages, is what stays.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/header_diff.h"
#include "base/xmalloc.h"

/* Above this many pairs only SOME old headers are tried for each new one. */
#define MAX_PAIRS	((size_t)1 << 20)
#define SOME		3

/* Headers are alike in some way if their numbers for it are equal. */
struct classes {
	uint32_t	*name;		/* the name in any case */
	uint32_t	*spelling;	/* the name as spelled */
	uint32_t	*all;		/* name and value as spelled */
	size_t		 count;		/* numbers of each kind at most */
};

/*
 * Old headers by number: those with number n are old[start[n]] to below
 * old[start[n + 1]].
 */
struct lists {
	uint32_t	*start;
	uint32_t	*old;
};

/* A new header that stays as this old one, after the best pair that may precede it. */
struct pair {
	uint32_t	 old;
	uint32_t	 back;		/* the preceding pair, from 1; 0: none */
	uint64_t	 score;
};

struct work {
	const struct mailfile	*from, *to;
	size_t			 nold, nnew;
	struct classes		 c;	/* old headers first, then the new ones */
	struct lists		 spelled, same;
	uint32_t		*seen_spelled, *seen_same;	/* new headers so far, by number */
	uint32_t		*left;				/* and those still to come */
	struct pair		*pairs;
	size_t			 npairs;
	size_t			 best, best_new;		/* from 1; 0: none */
};

struct item {
	const struct mailfile_header	*h;
	size_t				 at;
};

static int
compare_names(const struct mailfile_header *a, const struct mailfile_header *b)
{
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	return strncasecmp(a->text, b->text, a->name_len);
}

static int
compare_values(const struct mailfile_header *a, const struct mailfile_header *b)
{
	size_t	 alen = a->len - a->value, blen = b->len - b->value;

	if (alen != blen)
		return alen < blen ? -1 : 1;
	return memcmp(mailfile_value(a), mailfile_value(b), alen);
}

static int
compare_headers(const void *x, const void *y)
{
	const struct mailfile_header	*a = ((const struct item *)x)->h;
	const struct mailfile_header	*b = ((const struct item *)y)->h;
	int				 r;

	if ((r = compare_names(a, b)) == 0 &&
	    (r = memcmp(a->text, b->text, a->name_len)) == 0)
		r = compare_values(a, b);
	return r;
}

static struct item *
sorted_items(const struct work *w)
{
	struct item	*items = xcalloc(w->nold + w->nnew, sizeof(*items));
	size_t		 i;

	for (i = 0; i < w->nold + w->nnew; i++) {
		items[i].at = i;
		items[i].h = i < w->nold ? &w->from->headers[i] :
		    &w->to->headers[i - w->nold];
	}
	qsort(items, w->nold + w->nnew, sizeof(*items), compare_headers);
	return items;
}

/*
 * Numbers the headers. Sorting finds equal ones without comparing each long
 * value with all others.
 */
static void
classify(struct work *w)
{
	struct item	*items = sorted_items(w);
	size_t		 i, n = w->nold + w->nnew;
	uint32_t	 name = 0, spelling = 0, all = 0;

	w->c.count = n;
	w->c.name = xcalloc(n, sizeof(*w->c.name));
	w->c.spelling = xcalloc(n, sizeof(*w->c.spelling));
	w->c.all = xcalloc(n, sizeof(*w->c.all));
	for (i = 0; i < n; i++) {
		if (i > 0) {
			name += compare_names(items[i - 1].h, items[i].h) != 0;
			spelling += items[i - 1].h->name_len != items[i].h->name_len ||
			    memcmp(items[i - 1].h->text, items[i].h->text,
			    items[i].h->name_len) != 0;
			all += compare_headers(&items[i - 1], &items[i]) != 0;
		}
		w->c.name[items[i].at] = name;
		w->c.spelling[items[i].at] = spelling;
		w->c.all[items[i].at] = all;
	}
	free(items);
}

static void
make_lists(const struct work *w, const uint32_t *number, struct lists *l)
{
	size_t	 i;

	l->start = xcalloc(w->c.count + 2, sizeof(*l->start));
	l->old = xcalloc(w->nold + 1, sizeof(*l->old));
	for (i = 0; i < w->nold; i++)
		l->start[number[i] + 2]++;
	for (i = 2; i < w->c.count + 2; i++)
		l->start[i] += l->start[i - 1];
	for (i = 0; i < w->nold; i++)
		l->old[l->start[number[i] + 1]++] = (uint32_t)i;
}

static size_t
list_len(const struct lists *l, uint32_t number)
{
	return l->start[number + 1] - l->start[number];
}

/*
 * A header can't stay with an empty value, which deletes it, nor with a single
 * space, which the MTA or we may drop.
 */
static int
may_stay(const struct work *w, size_t j, uint32_t old)
{
	const struct mailfile_header	*h = &w->to->headers[j];

	return w->c.all[w->nold + j] == w->c.all[old] ||
	    (mailfile_value(h)[0] != '\0' && strcmp(mailfile_value(h), " ") != 0);
}

static void
add_candidate(struct work *w, size_t j, uint32_t old)
{
	if (may_stay(w, j, old))
		w->pairs[w->npairs++].old = old;
}

/* Adds pairs with all old headers of that spelling. */
static void
add_all_candidates(struct work *w, size_t j)
{
	uint32_t	 n = w->c.spelling[w->nold + j], i;

	for (i = w->spelled.start[n]; i < w->spelled.start[n + 1]; i++)
		add_candidate(w, j, w->spelled.old[i]);
}

static void
insert_old(uint32_t *some, size_t *n, uint32_t old)
{
	size_t	 i = *n;

	while (i > 0 && some[i - 1] > old)
		i--;
	if (i > 0 && some[i - 1] == old)
		return;
	memmove(some + i + 1, some + i, (*n - i) * sizeof(*some));
	some[i] = old;
	(*n)++;
}

/*
 * Adds pairs with at most SOME old headers: the equal one in the same order,
 * and those of that spelling with as many above, and with as many below.
 */
static void
add_some_candidates(struct work *w, size_t j)
{
	uint32_t	 n = w->c.spelling[w->nold + j], all = w->c.all[w->nold + j];
	uint32_t	 some[SOME];
	size_t		 nsome = 0, i, len = list_len(&w->spelled, n);

	if (w->seen_same[all] < list_len(&w->same, all))
		insert_old(some, &nsome, w->same.old[w->same.start[all] + w->seen_same[all]]);
	if (w->seen_spelled[n] < len)
		insert_old(some, &nsome, w->spelled.old[w->spelled.start[n] + w->seen_spelled[n]]);
	if (w->left[n] <= len)
		insert_old(some, &nsome,
		    w->spelled.old[w->spelled.start[n] + len - w->left[n]]);
	w->seen_same[all]++;
	w->seen_spelled[n]++;
	w->left[n]--;
	for (i = 0; i < nsome; i++)
		add_candidate(w, j, some[i]);
}

/* 1 for headers that prove which way a message came; they should stay in place. */
static int
is_trace(const struct mailfile_header *h)
{
	static const char	*const begins[] = { "Received", "Return-Path:", "DKIM-",
		"ARC-", "Authentication-Results", "Delivered-To" };
	size_t			 i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncasecmp(h->text, begins[i], strlen(begins[i])) == 0)
			return 1;
	return 0;
}

/*
 * The actions saved if the header stays: deletion and insertion, or one of both
 * if its value changes. Bonuses for all trace headers together weigh less than
 * one action.
 */
static uint64_t
weight(const struct work *w, size_t j, uint32_t old)
{
	uint64_t	 one = w->nnew + 1;

	if (w->c.all[w->nold + j] != w->c.all[old])
		return one;
	return 2 * one + (uint64_t)is_trace(&w->to->headers[j]);
}

/*
 * Scores the pairs of new header j, which start at begin; those of the new
 * header above it start at above.
 */
static void
score_pairs(struct work *w, size_t j, size_t above, size_t begin)
{
	size_t		 i, a = above, best = 0;
	struct pair	*p = w->pairs;

	for (i = begin; i < w->npairs; i++) {
		for (; a < begin && p[a].old < p[i].old; a++)
			if (best == 0 || p[a].score > p[best - 1].score)
				best = a + 1;
		p[i].back = (uint32_t)best;
		p[i].score = weight(w, j, p[i].old) + (best == 0 ? 0 : p[best - 1].score);
		if (w->best == 0 || p[i].score > p[w->best - 1].score) {
			w->best = i + 1;
			w->best_new = j;
		}
	}
}

static size_t
count_candidates(const struct work *w)
{
	size_t	 j, n = 0;

	for (j = 0; j < w->nnew; j++)
		n += list_len(&w->spelled, w->c.spelling[w->nold + j]);
	return n;
}

static void
find_best(struct work *w)
{
	size_t	 j, n = count_candidates(w), above = 0, begin;
	int	 few = n > MAX_PAIRS;

	w->pairs = xcalloc((few ? SOME * w->nnew : n) + 1, sizeof(*w->pairs));
	w->seen_spelled = xcalloc(w->c.count, sizeof(*w->seen_spelled));
	w->seen_same = xcalloc(w->c.count, sizeof(*w->seen_same));
	w->left = xcalloc(w->c.count, sizeof(*w->left));
	for (j = 0; j < w->nnew; j++)
		w->left[w->c.spelling[w->nold + j]]++;
	for (j = 0; j < w->nnew; j++) {
		begin = w->npairs;
		if (few)
			add_some_candidates(w, j);
		else
			add_all_candidates(w, j);
		score_pairs(w, j, above, begin);
		above = begin;
	}
}

/*
 * Gives the chain to the caller. Without a chain nothing stays, and all new
 * headers go to the top.
 */
static void
take_best(const struct work *w, struct header_diff *d)
{
	size_t	 at;

	d->first = d->end = w->nnew;
	if (w->best == 0)
		return;
	d->first = d->end = w->best_new + 1;
	for (at = w->best; at != 0; at = w->pairs[at - 1].back)
		d->kept[--d->first] = w->pairs[at - 1].old;
}

static void
number_headers(const struct work *w, struct header_diff *d)
{
	uint32_t	*count = xcalloc(w->c.count, sizeof(*count));
	size_t		 i;

	for (i = 0; i < w->nold; i++)
		d->index[i] = ++count[w->c.name[i]];
	free(count);
}

static void
free_work(struct work *w)
{
	free(w->c.name);
	free(w->c.spelling);
	free(w->c.all);
	free(w->spelled.start);
	free(w->spelled.old);
	free(w->same.start);
	free(w->same.old);
	free(w->seen_spelled);
	free(w->seen_same);
	free(w->left);
	free(w->pairs);
}

void
header_diff_find(const struct mailfile *old, const struct mailfile *new, struct header_diff *d)
{
	struct work	 w;

	memset(&w, 0, sizeof(w));
	memset(d, 0, sizeof(*d));
	w.from = old;
	w.to = new;
	w.nold = old->count;
	w.nnew = new->count;
	if (w.nold + w.nnew == 0)
		return;
	d->kept = xcalloc(w.nnew + 1, sizeof(*d->kept));
	d->index = xcalloc(w.nold + 1, sizeof(*d->index));
	classify(&w);
	make_lists(&w, w.c.spelling, &w.spelled);
	make_lists(&w, w.c.all, &w.same);
	find_best(&w);
	take_best(&w, d);
	number_headers(&w, d);
	free_work(&w);
}

void
header_diff_free(struct header_diff *d)
{
	free(d->kept);
	free(d->index);
}
