/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/rates.c: what has happened between one answer to `status' and the next.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "ctl/rates.h"

#define MINUTE		60000	/* ms */
#define INTERVALS	64

/* What a handler was asked in each of the last intervals. */
struct history {
	char	*name;
	struct {
		uint64_t	 from, to;	/* ms */
		double		 rate;		/* a second */
	} intervals[INTERVALS];
	size_t	 n;		/* that there ever were */
};

/* Numbers of a daemon that was started again begin at 0. */
static void
subtract(uint64_t *to, const uint64_t *now, const uint64_t *before, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		to[i] = now[i] >= before[i] ? now[i] - before[i] : now[i];
}

static const struct control_msg *
find_last(const struct snapshot *s, const char *name)
{
	size_t	 i;

	for (i = 0; i < s->handlers.n; i++)
		if (strcmp(s->handlers.msgs[i].text[0], name) == 0)
			return &s->handlers.msgs[i];
	return NULL;
}

static struct history *
find_history(struct rates *r, const char *name)
{
	size_t	 i;

	for (i = 0; i < r->nhistory; i++)
		if (strcmp(r->history[i].name, name) == 0)
			return &r->history[i];
	r->history = xreallocarray(r->history, r->nhistory + 1, sizeof(*r->history));
	memset(&r->history[r->nhistory], 0, sizeof(*r->history));
	r->history[r->nhistory].name = xstrdup(name);
	return &r->history[r->nhistory++];
}

static uint64_t
overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t	 from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;

	return from < to ? to - from : 0;
}

/* The mean of what is known of a time. */
static double
mean(const struct history *h, uint64_t from, uint64_t to)
{
	double		 sum = 0;
	uint64_t	 known = 0, ms;
	size_t		 i;

	for (i = 0; i < INTERVALS && i < h->n; i++) {
		ms = overlap(from, to, h->intervals[i].from, h->intervals[i].to);
		known += ms;
		sum += h->intervals[i].rate * (double)ms;
	}
	return known == 0 ? -1 : sum / (double)known;
}

static void
note_history(struct rates *r, struct rates_handler *h, uint64_t now)
{
	struct history	*past = find_history(r, h->name);
	uint64_t	 begin = now > MINUTE ? now - MINUTE : 0;
	size_t		 i = past->n % INTERVALS;
	unsigned int	 cell;

	if (r->ms > 0) {
		past->intervals[i].from = r->last_at;
		past->intervals[i].to = now;
		past->intervals[i].rate = (double)h->asked * 1000 / (double)r->ms;
		past->n++;
	}
	for (cell = 0; cell < RATES_CELLS; cell++)
		h->cells[cell] = mean(past, begin + cell * (uint64_t)MINUTE / RATES_CELLS,
		    begin + (cell + 1) * (uint64_t)MINUTE / RATES_CELLS);
}

static void
compare_handler(struct rates *r, struct rates_handler *to, const struct control_msg *msg, uint64_t now)
{
	static const struct control_handler	 none;
	const struct control_msg		*last = find_last(&r->last, msg->text[0]);
	const struct control_handler		*h = &msg->u.handler;
	const struct control_handler		*before = last == NULL ? &none : &last->u.handler;
	struct numbers_handler			 n;
	unsigned int				 i;

	to->name = xstrdup(msg->text[0]);
	/* Nothing is known of any interval. */
	if (r->ms == 0) {
		note_history(r, to, now);
		return;
	}
	subtract((void *)&n, (const void *)&h->numbers, (const void *)&before->numbers, NUMBERS_OF(n));
	for (i = 0; i < VD_COUNT; i++)
		to->asked += n.answers[i];
	for (i = 0; i < NUMBERS_FAILURES; i++)
		to->failed += n.failures[i];
	to->asked += to->failed;
	for (i = 0; i < EV_COUNT; i++)
		numbers_add_all((void *)&to->times, (const void *)&n.events[i], NUMBERS_OF(to->times));
	note_history(r, to, now);
}

static void
free_handlers(struct rates *r)
{
	size_t	 i;

	for (i = 0; i < r->n; i++)
		free(r->handlers[i].name);
	free(r->handlers);
	r->handlers = NULL;
	r->n = 0;
}

void
rates_add(struct rates *r, struct snapshot *s, uint64_t now)
{
	static const struct numbers_engine	 none;
	const struct numbers_engine		*before = &none;
	size_t					 i;

	r->ms = r->last.daemon.n > 0 && now > r->last_at ? now - r->last_at : 0;
	free_handlers(r);
	if (r->last.daemon.n > 0)
		before = &r->last.daemon.msgs[0].u.daemon.numbers;
	subtract(r->messages, s->daemon.msgs[0].u.daemon.numbers.messages, before->messages,
	    NUMBERS_MESSAGES);
	r->n = s->handlers.n;
	r->handlers = xcalloc(r->n + 1, sizeof(*r->handlers));
	for (i = 0; i < r->n; i++)
		compare_handler(r, &r->handlers[i], &s->handlers.msgs[i], now);
	snapshot_free(&r->last);
	r->last = *s;
	r->last_at = now;
}

void
rates_free(struct rates *r)
{
	size_t	 i;

	free_handlers(r);
	for (i = 0; i < r->nhistory; i++)
		free(r->history[i].name);
	free(r->history);
	snapshot_free(&r->last);
}
