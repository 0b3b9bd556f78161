/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/text.c: the answer to `status' for people.
 */
#include "base/compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/forms.h"
#include "ctl/visible.h"

#define CELL	512		/* bytes */
#define COLUMNS	13

/* A table: cells are kept, since a column is as wide as its widest cell. */
struct table {
	const char	*const *heads;	/* "<name": to the left, else to the right */
	size_t		 columns;
	char		(*cells)[CELL];
	size_t		 n;
};

static void add(struct table *, const char *, ...) PRINTF_LIKE(2, 3);

static void
add(struct table *t, const char *fmt, ...)
{
	va_list	 ap;

	t->cells = reallocarray(t->cells, t->n + 1, sizeof(*t->cells));
	if (t->cells == NULL)
		abort();
	va_start(ap, fmt);
	(void)vsnprintf(t->cells[t->n++], CELL, fmt, ap);
	va_end(ap);
}

static void
add_visible(struct table *t, const char *s)
{
	struct buf	 b;

	buf_init(&b, 65536 * 4);
	visible_add(&b, s);
	add(t, "%.*s", (int)b.len, b.len > 0 ? (char *)b.data : "");
	buf_free(&b);
}

static void
add_number(struct table *t, uint64_t n)
{
	add(t, "%" PRIu64, n);
}

/* How many places a text takes, if each character of it takes one. */
static int
width_of(const char *s)
{
	int	 n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static int
width(const struct table *t, size_t column)
{
	int	 most = width_of(t->heads[column]) - (t->heads[column][0] == '<'), w;
	size_t	 i;

	for (i = column; i < t->n; i += t->columns)
		if ((w = width_of(t->cells[i])) > most)
			most = w;
	return most;
}

static void
print_cell(struct buf *b, const char *text, int wide, int left, int last)
{
	int	 spaces = wide - width_of(text);

	if (left)
		buf_printf(b, "%s%*s", text, last ? 0 : spaces, "");
	else
		buf_printf(b, "%*s%s", spaces, "", text);
	if (!last) {
		buf_add_str(b, "  ");
		return;
	}
	while (b->len > 0 && b->data[b->len - 1] == ' ')
		b->len--;
	buf_add_str(b, "\n");
}

static void
print_table(struct buf *b, struct table *t)
{
	int	 wide[COLUMNS];
	size_t	 i;

	for (i = 0; i < t->columns; i++)
		wide[i] = width(t, i);
	buf_add_str(b, "\n");
	for (i = 0; i < t->columns; i++)
		print_cell(b, t->heads[i] + (t->heads[i][0] == '<'), wide[i],
		    t->heads[i][0] == '<', i + 1 == t->columns);
	for (i = 0; i < t->n; i++)
		print_cell(b, t->cells[i], wide[i % t->columns],
		    t->heads[i % t->columns][0] == '<', (i + 1) % t->columns == 0);
	free(t->cells);
}

/* "3d 4h 12m", "8m12s": the largest units of a time. */
static void
print_span(struct buf *b, uint64_t s)
{
	if (s >= 86400)
		buf_printf(b, "%" PRIu64 "d ", s / 86400);
	if (s >= 3600)
		buf_printf(b, "%" PRIu64 "h ", s / 3600 % 24);
	if (s >= 60)
		buf_printf(b, "%" PRIu64 "m", s / 60 % 60);
	if (s < 3600)
		buf_printf(b, "%s%" PRIu64 "s", s >= 60 ? " " : "", s % 60);
}

static void
print_bytes(struct buf *b, uint64_t n)
{
	static const char	 units[] = "KMGT";
	double			 value = (double)n;
	int			 unit = -1;

	while (value >= 1024 && unit < 3) {
		value /= 1024;
		unit++;
	}
	if (unit == -1)
		buf_printf(b, "%" PRIu64 "B", n);
	else
		buf_printf(b, "%.1f%c", value, units[unit]);
}

static void
print_date(struct buf *b, uint64_t seconds)
{
	time_t		 t = (time_t)seconds;
	struct tm	 tm;
	char		 text[64];

	if (localtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		buf_add_str(b, text);
}

static void
print_daemon(struct buf *b, const struct control_msg *msg)
{
	const struct control_daemon	*d = &msg->u.daemon;
	const uint64_t			*m = d->numbers.messages;
	uint64_t			 now = (uint64_t)time(NULL);

	buf_add_str(b, "pipemilter ");
	visible_add(b, msg->text[0]);
	buf_printf(b, ", pid %" PRIu64 ", ", d->pid);
	if (strcmp(msg->text[1], "running") != 0) {
		visible_add(b, msg->text[1]);
		buf_add_str(b, ", ");
	}
	buf_add_str(b, "up ");
	print_span(b, now > d->started ? now - d->started : 0);
	buf_add_str(b, "\nconfiguration of ");
	print_date(b, d->read);
	buf_printf(b, ", %" PRIu64 " reloads, %" PRIu64 " failed", d->reloads, d->failed_reloads);
	if (msg->text[3][0] != '\0') {
		buf_add_str(b, ": ");
		visible_add(b, msg->text[3]);
	}
	buf_printf(b, "\nmessages: %" PRIu64 " accept, %" PRIu64 " reject, %" PRIu64 " tempfail, %"
	    PRIu64 " discard, ", m[NUMBERS_ACCEPT], m[NUMBERS_REJECT], m[NUMBERS_TEMPFAIL],
	    m[NUMBERS_DISCARD]);
	if (m[NUMBERS_SHUTDOWN] > 0)
		buf_printf(b, "%" PRIu64 " shutdown, ", m[NUMBERS_SHUTDOWN]);
	buf_printf(b, "%" PRIu64 " aborted\nkept: ", m[NUMBERS_ABORTED]);
	print_bytes(b, d->kept);
	buf_add_str(b, " of ");
	print_bytes(b, d->kept_limit);
	if (d->engine_failures > 0)
		buf_printf(b, "\nengines that failed: %" PRIu64, d->engine_failures);
	if (d->numbers.log_lines_lost > 0)
		buf_printf(b, "\nlines of the log that were lost: %" PRIu64,
		    d->numbers.log_lines_lost);
	buf_add_str(b, "\n");
}

static void
print_engines(struct buf *b, const struct snapshot_list *l)
{
	static const char *const heads[] = { "<engine", "<pid", "<state", "connections", "sessions",
	    "<" };
	struct table		 t = { heads, nitems(heads), NULL, 0 };
	const struct control_engine *e;
	struct buf		 left;
	size_t			 i;

	for (i = 0; i < l->n; i++) {
		e = &l->msgs[i].u.engine;
		add_number(&t, e->number);
		add_number(&t, e->pid);
		add_visible(&t, l->msgs[i].text[0]);
		add_number(&t, e->connections);
		add_number(&t, e->sessions);
		buf_init(&left, CELL);
		if (e->left > 0) {
			print_span(&left, e->left / 1000);
			buf_add_str(&left, " left");
		}
		add(&t, "%.*s", (int)left.len, left.len > 0 ? (char *)left.data : "");
		buf_free(&left);
	}
	print_table(b, &t);
}

static void
print_listeners(struct buf *b, const struct snapshot_list *l)
{
	static const char *const heads[] = { "<listen", "connections", "limit", "accepted",
	    "pauses", "errors" };
	struct table		 t = { heads, nitems(heads), NULL, 0 };
	const struct control_listener *c;
	size_t			 i;

	for (i = 0; i < l->n; i++) {
		c = &l->msgs[i].u.listener;
		add_visible(&t, l->msgs[i].text[0]);
		add_number(&t, c->connections);
		add_number(&t, c->limit);
		add_number(&t, c->numbers.accepted);
		add_number(&t, c->numbers.pauses[0] + c->numbers.pauses[1] + c->numbers.pauses[2]);
		add_number(&t, c->numbers.protocol_errors);
	}
	print_table(b, &t);
}

/* The bound of the bucket below which so many hundredths of all times are. */
static void
add_quantile(struct table *t, const struct numbers_times *times, unsigned int percent)
{
	uint64_t	 n = 0, want = numbers_count(times);
	unsigned int	 i = 0;

	if (want == 0) {
		add(t, "-");
		return;
	}
	want = want / 100 * percent + (want % 100 * percent + 99) / 100;
	while ((n += times->buckets[i]) < want)
		i++;
	if (i == NUMBERS_BUCKETS - 1)
		add(t, ">%gs", (double)numbers_bound(i - 1) / 1e6);
	else if (numbers_bound(i) < 1000000)
		add(t, "%gms", (double)numbers_bound(i) / 1e3);
	else
		add(t, "%gs", (double)numbers_bound(i) / 1e6);
}

static void
add_handler(struct table *t, const char *name, const struct control_handler *h)
{
	struct numbers_times	 all;
	unsigned int		 i;

	memset(&all, 0, sizeof(all));
	for (i = 0; i < EV_COUNT; i++)
		numbers_add_all((void *)&all, (const void *)&h->numbers.events[i], NUMBERS_OF(all));
	add_visible(t, name);
	add_number(t, h->load.processes[NUMBERS_BUSY]);
	add_number(t, h->load.processes[NUMBERS_IDLE]);
	add_number(t, h->limit);
	add_number(t, h->load.waiting);
	add_number(t, snapshot_answers(h) + snapshot_failures(h));
	for (i = 0; i < NUMBERS_FAILURES; i++)
		add_number(t, h->numbers.failures[i]);
	add_number(t, h->numbers.slow);
	add_quantile(t, &all, 50);
	add_quantile(t, &all, 99);
	add(t, "%s", h->shadow ? "shadow" : "");
}

static void
print_handlers(struct buf *b, const struct snapshot_list *l)
{
	static const char *const heads[COLUMNS] = { "<handler", "busy", "idle", "limit", "waiting",
	    "asked", "failed", "timeout", "overload", "slow", "p50", "p99", "<" };
	struct table	 t = { heads, COLUMNS, NULL, 0 };
	size_t		 i;

	for (i = 0; i < l->n; i++)
		add_handler(&t, l->msgs[i].text[0], &l->msgs[i].u.handler);
	print_table(b, &t);
}

void
text_print(struct buf *b, const struct snapshot *s)
{
	print_daemon(b, &s->daemon.msgs[0]);
	print_engines(b, &s->engines);
	print_listeners(b, &s->listeners);
	print_handlers(b, &s->handlers);
}
