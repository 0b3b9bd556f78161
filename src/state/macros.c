/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/macros.c: the macros of a session, a list for each stage.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "state/macros.h"
#include "milter/decode.h"
#include "milter/wire_event.h"
#include "base/xmalloc.h"

/* From the newest stage to the oldest. */
static const int newest_first[SMFIM_COUNT] = {
	SMFIM_EOM, SMFIM_EOH, SMFIM_DATA, SMFIM_RCPT, SMFIM_MAIL, SMFIM_HELO,
	SMFIM_CONNECT
};

static int
stage_of(int letter)
{
	const struct wire_event	*ev = wire_event_find(letter);

	return ev == NULL ? -1 : ev->stage;
}

/* The position of a stage in newest_first. */
static int
order_of(int stage)
{
	int	 i;

	for (i = 0; i < SMFIM_COUNT - 1; i++)
		if (newest_first[i] == stage)
			break;
	return i;
}

/* The next pair of a macro command, the name without its braces. Returns 0 at the end. */
static int
next_sent(struct rd *pairs, struct macro_pair *p)
{
	if (!milter_next_macro(pairs, &p->name, &p->value))
		return 0;
	/* The strings follow each other, each with its NUL. */
	p->name_len = (size_t)(p->value - p->name) - 1;
	p->value_len = (size_t)((const char *)pairs->p - p->value) - 1;
	if (p->name_len >= 2 && p->name[0] == '{' && p->name[p->name_len - 1] == '}') {
		p->name++;
		p->name_len -= 2;
	}
	return 1;
}

static int
is_named(const struct macro_pair *p, const char *name, size_t len)
{
	return p->name_len == len && memcmp(p->name, name, len) == 0;
}

/* Looks a name up in pairs as they were sent. */
static int
find_sent(struct rd pairs, const char *name, size_t len, struct macro_pair *p)
{
	unsigned int	 i;

	for (i = 0; i < MACROS_MAX && next_sent(&pairs, p); i++)
		if (is_named(p, name, len))
			return 1;
	return 0;
}

static struct rd
sent(const struct macro_list *list)
{
	struct rd	 r;

	rd_init(&r, list->raw, list->len);
	return r;
}

static void
forget_pairs(struct macro_list *list)
{
	free(list->pairs);
	list->pairs = NULL;
	list->n = 0;
}

/* Makes list.pairs, which only a walk over all macros needs. */
static void
split_pairs(struct macro_list *list)
{
	struct macro_pair	 p;
	struct rd		 r;
	unsigned int		 n = 0;

	if (list->pairs != NULL || list->len == 0)
		return;
	for (r = sent(list); n < MACROS_MAX && next_sent(&r, &p); n++)
		;
	list->pairs = xcalloc(n, sizeof(*list->pairs));
	for (r = sent(list); list->n < n && next_sent(&r, &list->pairs[list->n]); list->n++)
		;
}

static struct macro_pair *
find_pair(const struct macro_list *list, const char *name, size_t len)
{
	unsigned int	 i;

	for (i = 0; i < list->n; i++)
		if (is_named(&list->pairs[i], name, len))
			return &list->pairs[i];
	return NULL;
}

static int
same_value(const struct macro_pair *a, const struct macro_pair *b)
{
	return a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
}

/* No line of a block can say that a macro is gone, or has an older value again. */
static void
clear_stage(struct macros *m, int stage)
{
	struct macro_list	*list = &m->stage[stage];

	if (list->len == 0)
		return;
	m->lost |= list->told | list->had;
	list->told = list->had = 0;
	forget_pairs(list);
	list->len = 0;
	m->stale = m->changed = 1;
}

void
macros_init(struct macros *m)
{
	memset(m, 0, sizeof(*m));
}

void
macros_clear(struct macros *m)
{
	int	 i;

	for (i = 0; i < SMFIM_COUNT; i++) {
		forget_pairs(&m->stage[i]);
		free(m->stage[i].raw);
	}
	macros_init(m);
}

size_t
macros_bytes(const struct macros *m)
{
	size_t	 n = 0;
	int	 i;

	for (i = 0; i < SMFIM_COUNT; i++)
		n += m->stage[i].cap;
	return n;
}

/* 1 if each name of a list is among the pairs that were sent now, with any value. */
static int
names_stay(const struct macro_list *list, struct rd now)
{
	struct macro_pair	 old, p;
	struct rd		 r = sent(list);
	unsigned int		 i;

	for (i = 0; i < MACROS_MAX && next_sent(&r, &old); i++)
		if (!find_sent(now, old.name, old.name_len, &p))
			return 0;
	return 1;
}

static void
keep_raw(struct macro_list *list, const struct rd *pairs)
{
	forget_pairs(list);
	/* The pairs come from one packet, which limits them. */
	if (pairs->left > list->cap) {
		list->cap = (uint32_t)pairs->left;
		list->raw = xreallocarray(list->raw, list->cap, 1);
	}
	memcpy(list->raw, pairs->p, pairs->left);
	list->len = (uint32_t)pairs->left;
}

void
macros_store(struct macros *m, int letter, struct rd pairs)
{
	struct macro_list	*list;
	struct macro_pair	 p;
	struct rd		 first = pairs;
	int			 stage = stage_of(letter);

	if (stage == -1)
		return;
	list = &m->stage[stage];
	if (list->len == pairs.left && list->len > 0 &&
	    memcmp(list->raw, pairs.p, pairs.left) == 0)
		return;
	if (!next_sent(&first, &p))
		return;
	list->had |= list->told;
	list->told = 0;
	if (list->had != 0 && !names_stay(list, pairs))
		m->lost |= list->had;
	keep_raw(list, &pairs);
	m->stale = m->changed = 1;
}

void
macros_move_connect(struct macros *to, struct macros *from)
{
	to->stage[SMFIM_CONNECT] = from->stage[SMFIM_CONNECT];
	memset(&from->stage[SMFIM_CONNECT], 0, sizeof(from->stage[SMFIM_CONNECT]));
	to->stage[SMFIM_CONNECT].told = to->stage[SMFIM_CONNECT].had = 0;
	to->stale = to->changed = 1;
	from->stale = from->changed = 1;
}

static void
clear_newer(struct macros *m, int stage)
{
	int	 i;

	for (i = 0; newest_first[i] != stage; i++)
		clear_stage(m, newest_first[i]);
}

void
macros_event(struct macros *m, int letter)
{
	int	 stage = stage_of(letter);

	if (stage != -1 && stage < SMFIM_DATA)
		clear_newer(m, stage);
}

uint64_t
macros_told_of_message(const struct macros *m)
{
	uint64_t	 told = 0;
	int		 i;

	for (i = 0; newest_first[i] != SMFIM_HELO; i++)
		told |= m->stage[newest_first[i]].told | m->stage[newest_first[i]].had;
	return told;
}

void
macros_end_message(struct macros *m)
{
	clear_newer(m, SMFIM_HELO);
}

const char *
macros_get(const struct macros *m, const char *wanted)
{
	const struct macro_list	*list;
	struct macro_pair	 p;
	size_t			 len = strlen(wanted);
	int			 i;

	for (i = 0; i < SMFIM_COUNT; i++) {
		list = &m->stage[newest_first[i]];
		if (list->len > 0 && find_sent(sent(list), wanted, len, &p))
			return p.value;
	}
	return NULL;
}

/*
 * 1 if a newer stage has this name too, or an earlier pair of the same stage. first: the newest
 * stage that counts, order: the stage of the pair, both as positions in newest_first.
 */
static int
is_hidden(const struct macros *m, int first, int order, const struct macro_pair *p)
{
	int	 i;

	for (i = first; i < order; i++)
		if (find_pair(&m->stage[newest_first[i]], p->name, p->name_len) != NULL)
			return 1;
	return find_pair(&m->stage[newest_first[order]], p->name, p->name_len) != p;
}

/* Marks hidden macros once, so that walks need not compare each pair with the others. */
static void
mark_hidden(struct macros *m)
{
	struct macro_list	*list;
	unsigned int		 n;
	int			 i;

	if (!m->stale)
		return;
	for (i = 0; i < SMFIM_COUNT; i++) {
		list = &m->stage[newest_first[i]];
		split_pairs(list);
		for (n = 0; n < list->n; n++)
			list->pairs[n].hidden = is_hidden(m, 0, i, &list->pairs[n]);
	}
	m->stale = 0;
}

void
macros_iter_init(struct macro_iter *it, struct macros *m)
{
	mark_hidden(m);
	it->macros = m;
	it->order = 0;
	it->at = 0;
}

const struct macro_pair *
macros_iter_next(struct macro_iter *it)
{
	const struct macro_list	*list;
	const struct macro_pair	*p;

	for (; it->order < SMFIM_COUNT; it->order++, it->at = 0) {
		list = &it->macros->stage[newest_first[it->order]];
		while (it->at < list->n) {
			p = &list->pairs[it->at++];
			if (!p->hidden)
				return p;
		}
	}
	return NULL;
}

void
macros_delta_init(struct macro_delta *d, struct macros *m, uint64_t bit, int all,
    int oldest_only)
{
	mark_hidden(m);
	d->macros = m;
	d->bit = bit;
	d->all = all;
	d->first = oldest_only ? order_of(SMFIM_HELO) : 0;
	d->order = d->first;
	d->at = 0;
}

static int
is_visible(const struct macro_delta *d, const struct macro_pair *p)
{
	if (d->first == 0)
		return !p->hidden;
	return !is_hidden(d->macros, d->first, d->order, p);
}

/*
 * 1 if the handler knows this value from an older stage. If it was told other macros of the
 * pair's own stage before, one of these may have hidden the older value.
 */
static int
is_known(const struct macro_delta *d, const struct macro_pair *p)
{
	const struct macro_list	*list = &d->macros->stage[newest_first[d->order]];
	const struct macro_pair	*other;
	int			 i;

	if ((list->had & d->bit) != 0)
		return 0;
	for (i = d->order + 1; i < SMFIM_COUNT; i++) {
		list = &d->macros->stage[newest_first[i]];
		if (((list->told | list->had) & d->bit) == 0)
			continue;
		if ((other = find_pair(list, p->name, p->name_len)) != NULL)
			return (list->told & d->bit) != 0 && same_value(p, other);
	}
	return 0;
}

const struct macro_pair *
macros_delta_next(struct macro_delta *d)
{
	struct macro_list	*list;
	const struct macro_pair	*p;

	for (; d->order < SMFIM_COUNT; d->order++, d->at = 0) {
		list = &d->macros->stage[newest_first[d->order]];
		if (!d->all && (list->told & d->bit) != 0)
			continue;
		while (d->at < list->n) {
			p = &list->pairs[d->at++];
			if (is_visible(d, p) && (d->all || !is_known(d, p)))
				return p;
		}
		if (list->len > 0)
			list->told |= d->bit;
		list->had &= ~d->bit;
	}
	return NULL;
}

void
macros_show(struct macros *m, uint64_t bit, int oldest_only)
{
	struct macro_list	*list;
	int			 i;

	for (i = oldest_only ? order_of(SMFIM_HELO) : 0; i < SMFIM_COUNT; i++) {
		list = &m->stage[newest_first[i]];
		if (list->len > 0)
			list->had |= bit & ~list->told;
	}
}

void
macros_untell(struct macros *m, uint64_t bit)
{
	int	 i;

	for (i = 0; i < SMFIM_COUNT; i++) {
		m->stage[i].told &= ~bit;
		m->stage[i].had &= ~bit;
	}
}
