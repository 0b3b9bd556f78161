/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/text.c: the answers to `status' and `processes' for people.
 */
#include "base/compat.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/forms.h"
#include "ctl/table.h"
#include "ctl/visible.h"

void
text_bytes(struct buf *b, uint64_t n)
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
	table_span(b, now > d->started ? now - d->started : 0);
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
	text_bytes(b, d->kept);
	buf_add_str(b, " of ");
	text_bytes(b, d->kept_limit);
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
		table_number(&t, e->number);
		table_number(&t, e->pid);
		table_visible(&t, l->msgs[i].text[0]);
		table_number(&t, e->connections);
		table_number(&t, e->sessions);
		buf_init(&left, TABLE_CELL);
		if (e->left > 0) {
			table_span(&left, e->left / 1000);
			buf_add_str(&left, " left");
		}
		table_add(&t, "%.*s", (int)left.len, left.len > 0 ? (char *)left.data : "");
		buf_free(&left);
	}
	buf_add_str(b, "\n");
	table_print(b, &t);
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
		table_visible(&t, l->msgs[i].text[0]);
		table_number(&t, c->connections);
		table_number(&t, c->limit);
		table_number(&t, c->numbers.accepted);
		table_number(&t, c->numbers.pauses[0] + c->numbers.pauses[1] + c->numbers.pauses[2]);
		table_number(&t, c->numbers.protocol_errors);
	}
	buf_add_str(b, "\n");
	table_print(b, &t);
}

void
text_quantile(struct buf *b, const struct numbers_times *times, unsigned int percent)
{
	uint64_t	 n = 0, want = numbers_count(times);
	unsigned int	 i = 0;

	if (want == 0) {
		buf_add_str(b, "-");
		return;
	}
	want = want / 100 * percent + (want % 100 * percent + 99) / 100;
	while ((n += times->buckets[i]) < want)
		i++;
	if (i == NUMBERS_BUCKETS - 1)
		buf_printf(b, ">%gs", (double)numbers_bound(i - 1) / 1e6);
	else if (numbers_bound(i) < 1000000)
		buf_printf(b, "%gms", (double)numbers_bound(i) / 1e3);
	else
		buf_printf(b, "%gs", (double)numbers_bound(i) / 1e6);
}

static void
add_quantile(struct table *t, const struct numbers_times *times, unsigned int percent)
{
	struct buf	 b;

	buf_init(&b, TABLE_CELL);
	text_quantile(&b, times, percent);
	table_add(t, "%.*s", (int)b.len, (char *)b.data);
	buf_free(&b);
}

static void
add_handler(struct table *t, const char *name, const struct control_handler *h)
{
	struct numbers_times	 all;
	unsigned int		 i;

	memset(&all, 0, sizeof(all));
	for (i = 0; i < EV_COUNT; i++)
		numbers_add_all((void *)&all, (const void *)&h->numbers.events[i], NUMBERS_OF(all));
	table_visible(t, name);
	table_number(t, h->load.processes[NUMBERS_BUSY]);
	table_number(t, h->load.processes[NUMBERS_IDLE]);
	table_number(t, h->limit);
	table_number(t, h->load.waiting);
	table_number(t, snapshot_answers(h) + snapshot_failures(h));
	for (i = 0; i < NUMBERS_FAILURES; i++)
		table_number(t, h->numbers.failures[i]);
	table_number(t, h->numbers.slow);
	add_quantile(t, &all, 50);
	add_quantile(t, &all, 99);
	table_add(t, "%s", h->shadow ? "shadow" : "");
}

static void
print_handlers(struct buf *b, const struct snapshot_list *l)
{
	static const char *const heads[TABLE_COLUMNS] = { "<handler", "busy", "idle", "limit", "waiting",
	    "asked", "failed", "timeout", "overload", "slow", "p50", "p99", "<" };
	struct table	 t = { heads, TABLE_COLUMNS, NULL, 0 };
	size_t		 i;

	for (i = 0; i < l->n; i++)
		add_handler(&t, l->msgs[i].text[0], &l->msgs[i].u.handler);
	buf_add_str(b, "\n");
	table_print(b, &t);
}

void
text_print(struct buf *b, const struct snapshot *s)
{
	print_daemon(b, &s->daemon.msgs[0]);
	print_engines(b, &s->engines);
	print_listeners(b, &s->listeners);
	print_handlers(b, &s->handlers);
}

static void
add_age(struct table *t, uint64_t ms)
{
	struct buf	 b;

	buf_init(&b, TABLE_CELL);
	if (ms < 10000)
		buf_printf(&b, "%" PRIu64 ".%" PRIu64 "s", ms / 1000, ms / 100 % 10);
	else
		table_span(&b, ms / 1000);
	table_add(t, "%.*s", (int)b.len, (char *)b.data);
	buf_free(&b);
}

void
text_processes(struct buf *b, const struct snapshot *s)
{
	static const char *const heads[] = { "<handler", "<pid", "<engine", "<state", "for", "uses",
	    "<event", "<session" };
	struct table		 t = { heads, nitems(heads), NULL, 0 };
	const struct control_process *p;
	size_t			 i;

	for (i = 0; i < s->processes.n; i++) {
		p = &s->processes.msgs[i].u.process;
		table_visible(&t, s->processes.msgs[i].text[0]);
		table_number(&t, p->pid);
		table_number(&t, p->engine);
		table_visible(&t, s->processes.msgs[i].text[1]);
		add_age(&t, p->age);
		table_number(&t, p->uses);
		table_add(&t, "%s", p->event < EV_COUNT ? event_name((enum event_kind)p->event) : "");
		table_visible(&t, s->processes.msgs[i].text[2]);
	}
	table_print(b, &t);
}
