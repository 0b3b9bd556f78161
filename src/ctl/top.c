/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/top.c: the command `top'.
 */
#include "base/compat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mono.h"
#include "ctl/client.h"
#include "ctl/forms.h"
#include "ctl/rates.h"
#include "ctl/table.h"
#include "ctl/terminal.h"
#include "ctl/top.h"
#include "ctl/visible.h"

#define BAR		14	/* columns */
#define TEXT		512	/* bytes of one text in a line */

static void	 add(struct terminal *, enum terminal_colour, int, const char *, ...) PRINTF_LIKE(4, 5);

static void
add(struct terminal *t, enum terminal_colour colour, int width, const char *fmt, ...)
{
	char	 text[TEXT];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	terminal_add(t, colour, width, text);
}

/* Adds what fn makes. */
static void
add_made(struct terminal *t, enum terminal_colour colour, int width, struct buf *made)
{
	buf_add_u8(made, 0);
	terminal_add(t, colour, width, buf_ok(made) ? (char *)made->data : "?");
	buf_free(made);
}

static void
add_visible(struct terminal *t, enum terminal_colour colour, int width, const char *text)
{
	struct buf	 b;

	buf_init(&b, 4 * CONTROL_MAX_MSG);
	visible_add(&b, text);
	add_made(t, colour, width, &b);
}

static void
draw_daemon(struct terminal *t, const struct snapshot *s)
{
	const struct control_msg	*msg = &s->daemon.msgs[0];
	int				 well = strcmp(msg->text[1], "running") == 0;
	time_t				 now = time(NULL);
	uint64_t			 started = msg->u.daemon.started;
	char				 clock[32] = "";
	struct tm			 tm;
	struct buf			 b;

	add(t, COLOUR_BOLD, 0, "pipemilter ");
	add_visible(t, COLOUR_BOLD, 0, msg->text[0]);
	add(t, COLOUR_NONE, 0, "  ");
	add_visible(t, well ? COLOUR_GREEN : COLOUR_RED, 0, msg->text[1]);
	add(t, COLOUR_NONE, 0, "  up ");
	buf_init(&b, TEXT);
	table_span(&b, (uint64_t)now > started ? (uint64_t)now - started : 0);
	add_made(t, COLOUR_NONE, 0, &b);
	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	add(t, COLOUR_NONE, (int)t->left, "%s", clock);
	terminal_line(t);
}

/* Engines that are not as they should be; else what all have. */
static void
draw_engines(struct terminal *t, const struct snapshot *s)
{
	uint64_t	 connections = 0, sessions = 0, limit = 0;
	struct buf	 b;
	size_t		 i;

	for (i = 0; i < s->engines.n; i++) {
		connections += s->engines.msgs[i].u.engine.connections;
		sessions += s->engines.msgs[i].u.engine.sessions;
	}
	for (i = 0; i < s->listeners.n; i++)
		limit += s->listeners.msgs[i].u.listener.limit;
	add(t, COLOUR_NONE, 0, "connections %llu of %llu  sessions %llu  kept ",
	    (unsigned long long)connections, (unsigned long long)limit,
	    (unsigned long long)sessions);
	buf_init(&b, TEXT);
	text_bytes(&b, s->daemon.msgs[0].u.daemon.kept);
	buf_add_str(&b, " of ");
	text_bytes(&b, s->daemon.msgs[0].u.daemon.kept_limit);
	add_made(t, COLOUR_NONE, 0, &b);
	for (i = 0; i < s->engines.n; i++) {
		if (strcmp(s->engines.msgs[i].text[0], "running") == 0)
			continue;
		add(t, COLOUR_RED, 0, "  engine %llu ",
		    (unsigned long long)s->engines.msgs[i].u.engine.number);
		add_visible(t, COLOUR_RED, 0, s->engines.msgs[i].text[0]);
	}
	terminal_line(t);
}

/* A number of the last interval, a second. */
static double
a_second(const struct rates *r, uint64_t n)
{
	return r->ms == 0 ? 0 : (double)n * 1000 / (double)r->ms;
}

static void
draw_messages(struct terminal *t, const struct rates *r)
{
	static const char *const names[NUMBERS_MESSAGES] = { "accept", "reject", "tempfail", "discard",
	    "shutdown", "aborted" };
	uint64_t		 all = 0;
	unsigned int		 i;
	const char		*before = ":";

	for (i = 0; i < NUMBERS_MESSAGES; i++)
		all += r->messages[i];
	if (r->ms == 0)
		add(t, COLOUR_NONE, 0, "messages");
	else
		add(t, COLOUR_NONE, 0, "messages %.1f/s", a_second(r, all));
	for (i = 0; r->ms > 0 && i < NUMBERS_MESSAGES; i++) {
		if (r->messages[i] == 0)
			continue;
		add(t, i == NUMBERS_TEMPFAIL ? COLOUR_RED : COLOUR_NONE, 0, "%s %.1f %s", before,
		    a_second(r, r->messages[i]), names[i]);
		before = ",";
	}
	terminal_line(t);
}

static const char *
piece(const struct terminal *t, const char *utf8, const char *ascii)
{
	return t->is_utf8 ? utf8 : ascii;
}

/* How many columns of the bar so many of limit take: at least one, if there are any. */
static unsigned int
share(uint64_t n, uint64_t limit, unsigned int room)
{
	uint64_t	 columns;

	if (n == 0 || limit == 0 || room == 0)
		return 0;
	columns = n >= limit ? BAR : n * BAR / limit;
	return columns == 0 ? 1 : columns < room ? (unsigned int)columns : room;
}

static void
repeat(struct terminal *t, enum terminal_colour colour, unsigned int n, const char *text)
{
	struct buf	 b;

	buf_init(&b, TEXT);
	while (n-- > 0)
		buf_add_str(&b, text);
	add_made(t, colour, 0, &b);
}

/* A process that starts or ends is free for nobody. */
static uint64_t
in_use(const struct control_handler *h)
{
	return h->load.processes[NUMBERS_BUSY] + h->load.processes[NUMBERS_STARTING] +
	    h->load.processes[NUMBERS_ENDING];
}

static void
draw_bar(struct terminal *t, const struct control_handler *h)
{
	unsigned int		 busy = share(in_use(h), h->limit, BAR);
	unsigned int		 idle = share(h->load.processes[NUMBERS_IDLE], h->limit, BAR - busy);
	enum terminal_colour	 colour = COLOUR_GREEN;

	if (in_use(h) >= h->limit)
		colour = COLOUR_RED;
	else if (busy > BAR * 2 / 3)
		colour = COLOUR_YELLOW;
	repeat(t, colour, busy, piece(t, "\342\226\210", "#"));
	repeat(t, COLOUR_NONE, idle, piece(t, "\342\226\222", "-"));
	repeat(t, COLOUR_NONE, BAR - busy - idle, piece(t, "\302\267", "."));
}

/* The last minute, from the left to the right; the highest is the handler's own. */
static void
draw_minute(struct terminal *t, const struct rates_handler *r)
{
	static const char *const blocks[] = { "\342\226\201", "\342\226\202", "\342\226\203",
	    "\342\226\204", "\342\226\205", "\342\226\206", "\342\226\207", "\342\226\210" };
	static const char *const signs[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	double			 most = 0;
	unsigned int		 i, level;

	for (i = 0; i < RATES_CELLS; i++)
		if (r->cells[i] > most)
			most = r->cells[i];
	for (i = 0; i < RATES_CELLS; i++) {
		level = most <= 0 || r->cells[i] <= 0 ? 0 : (unsigned int)(r->cells[i] / most * 7);
		terminal_add(t, COLOUR_NONE, 0, r->cells[i] < 0 ? " " :
		    piece(t, blocks[level], signs[level]));
	}
}

static void
add_quantile(struct terminal *t, const struct numbers_times *times, unsigned int percent)
{
	struct buf	 b;

	buf_init(&b, TEXT);
	text_quantile(&b, times, percent);
	add_made(t, COLOUR_NONE, 6, &b);
	add(t, COLOUR_NONE, 0, " ");
}

static void
draw_handler(struct terminal *t, const struct rates *r, size_t i)
{
	const struct control_handler	*h = &r->last.handlers.msgs[i].u.handler;
	const struct rates_handler	*happened = &r->handlers[i];

	add_visible(t, COLOUR_NONE, -12, happened->name);
	add(t, COLOUR_NONE, 0, " ");
	draw_bar(t, h);
	add(t, COLOUR_NONE, 8, "%llu/%llu", (unsigned long long)in_use(h),
	    (unsigned long long)h->limit);
	if (r->ms == 0)
		add(t, COLOUR_NONE, 15, "-      -");
	else {
		add(t, COLOUR_NONE, 8, "%.1f", a_second(r, happened->asked));
		add(t, happened->failed > 0 ? COLOUR_RED : COLOUR_NONE, 7, "%.1f",
		    a_second(r, happened->failed));
	}
	add(t, h->load.waiting > 0 ? COLOUR_YELLOW : COLOUR_NONE, 6, "%llu",
	    (unsigned long long)h->load.waiting);
	add(t, COLOUR_NONE, 0, " ");
	add_quantile(t, &happened->times, 50);
	add_quantile(t, &happened->times, 99);
	draw_minute(t, happened);
	terminal_line(t);
}

static void
draw_handlers(struct terminal *t, const struct rates *r, unsigned int rows)
{
	size_t	 i, n = r->n;

	terminal_add(t, COLOUR_BOLD, 0,
	    "handler      busy, idle   busy/limit  asked/s fail/s  wait    p50    p99 minute");
	terminal_line(t);
	if (n > rows)
		n = rows > 0 ? rows - 1 : 0;
	for (i = 0; i < n; i++)
		draw_handler(t, r, i);
	if (n < r->n) {
		add(t, COLOUR_NONE, 0, "... and %zu more", r->n - n);
		terminal_line(t);
	}
}

/* Returns 0, or -1: it could not be written. */
static int
draw(struct terminal *t, const struct rates *r)
{
	terminal_clear(t);
	draw_daemon(t, &r->last);
	draw_engines(t, &r->last);
	draw_messages(t, r);
	terminal_line(t);
	/* Five lines are taken, and one is for the cursor. */
	draw_handlers(t, r, t->rows > 6 ? t->rows - 6 : 0);
	if (!t->is_screen)
		terminal_line(t);
	return terminal_show(t);
}

int
top_run(const char *path, unsigned int seconds)
{
	struct rates	 r;
	struct snapshot	 s;
	struct terminal	 t;
	int		 status, ends = 0;

	memset(&r, 0, sizeof(r));
	if ((status = snapshot_take(&s, path)) != CONTROL_OK)
		return status;
	terminal_begin(&t);
	while (status == CONTROL_OK && !ends) {
		rates_add(&r, &s, mono_ms());
		if (draw(&t, &r) == -1) {
			client_complain("standard output", strerror(errno));
			status = CONTROL_FAILED;
		} else if (!(ends = terminal_wait((uint64_t)seconds * 1000)))
			status = snapshot_take(&s, path);
	}
	terminal_end(&t);
	rates_free(&r);
	return status;
}
