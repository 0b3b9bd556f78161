/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/replay_diff.c: the difference of two answers.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "send/replay.h"
#include "milter/wire_event.h"
#include "base/xmalloc.h"

#define MAX_TEXT	((size_t)64 << 20)

/* The beginning of our lines: in the transcript of -v they are remarks. */
static const char *
margin(const struct send_replay *r)
{
	return r->verbose ? "# " : "";
}

static void
print_and_free(const struct send_replay *r, struct buf *b)
{
	if (b->len > 0)
		(void)fwrite(b->data, 1, b->len, r->to);
	(void)fflush(r->to);
	buf_free(b);
}

/*
 * Adds where the block is and what it is about: "FILE:LINE: session 1, message
 * 2, rcpt <b@x>: ".
 */
static void
add_place(const struct send_replay *r, struct buf *b, const struct transcript_item *it)
{
	const struct wire_event	*ev = wire_event_find(it->command);

	buf_printf(b, "%s%s:%zu: session %zu", margin(r), r->name, it->line, r->session);
	if (r->message > 0)
		buf_printf(b, ", message %zu", r->message);
	buf_printf(b, ", %s", ev != NULL ? wire_event_name(ev) : "report");
	if (it->text != NULL) {
		buf_add_str(b, " ");
		escape(b, it->text, strlen(it->text));
	}
	buf_add_str(b, ": ");
}

void
send_replay_note(const struct send_replay *r, const struct transcript_item *it,
    const char *text)
{
	struct buf	 b;

	buf_init(&b, MAX_TEXT);
	add_place(r, &b, it);
	buf_printf(&b, "%s\n", text);
	print_and_free(r, &b);
}

static int
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static int
is_word_char(char c)
{
	return is_hex(c) || (c >= 'g' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t
digit_run(const char *s)
{
	return strspn(s, "0123456789");
}

/*
 * The length of the id of a session or message at the front of s, or 0. An id
 * is eight hexadecimal digits and one or two numbers after dots. Ids are new
 * each time.
 */
static size_t
id_len(const char *s)
{
	size_t	 len, n;

	for (len = 0; len < 8; len++)
		if (!is_hex(s[len]))
			return 0;
	if (s[len] != '.' || (n = digit_run(s + len + 1)) == 0)
		return 0;
	len += 1 + n;
	if (s[len] == '.' && (n = digit_run(s + len + 1)) > 0)
		len += 1 + n;
	return is_word_char(s[len]) ? 0 : len;
}

static int
same_text(const char *a, const char *b)
{
	size_t	 na, nb;
	char	 before = ' ';

	for (; *a != '\0' || *b != '\0'; before = *a++, b++) {
		if (!is_word_char(before) && before != '.' && (na = id_len(a)) > 0 &&
		    (nb = id_len(b)) > 0) {
			a += na - 1;
			b += nb - 1;
		} else if (*a != *b)
			return 0;
	}
	return 1;
}

/* 1 if two values are the same, whatever their escapes. */
static int
same_value(const char *a, const char *b)
{
	const char	*why;
	char		*plain_a = xstrdup(a), *plain_b = xstrdup(b);
	int		 same;

	/* The reader has checked the escapes. */
	(void)escape_undo(plain_a, strlen(plain_a), &why);
	(void)escape_undo(plain_b, strlen(plain_b), &why);
	same = same_text(plain_a, plain_b);
	free(plain_a);
	free(plain_b);
	return same;
}

static int
same_line(const struct transcript_line *a, const struct transcript_line *b)
{
	return same_value(a->text, b->text) && a->body_len == b->body_len &&
	    (a->body_len == 0 || memcmp(a->body, b->body, a->body_len) == 0);
}

/*
 * The lines without progress: how often that comes depends on time. Sets *n;
 * free(3) the result.
 */
static const struct transcript_line **
without_progress(const struct transcript_line *lines, size_t *n)
{
	const struct transcript_line	**kept = xcalloc(*n + 1, sizeof(*kept));
	size_t				  i, to = 0;

	for (i = 0; i < *n; i++)
		if (strcmp(lines[i].text, "progress") != 0)
			kept[to++] = &lines[i];
	*n = to;
	return kept;
}

/*
 * Adds a line of an answer. It has its escapes, except those that the writer of
 * the file left out.
 */
static void
add_visible(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		if ((*text >= 1 && *text < ' ' && *text != '\t') || *text == 127)
			buf_printf(b, "\\0%03o", (unsigned int)*text);
		else
			buf_add(b, text, 1);
}

static void
add_answer_lines(const struct send_replay *r, struct buf *b, char sign,
    const struct transcript_line **lines, size_t from, size_t to)
{
	for (; from < to; from++) {
		buf_printf(b, "%s%c ", margin(r), sign);
		add_visible(b, lines[from]->text);
		buf_add_str(b, "\n");
	}
}

/*
 * Says where two new bodies of the same length begin to differ: their lines
 * look the same.
 */
static void
add_body_hint(const struct send_replay *r, struct buf *b, const struct transcript_line *then,
    const struct transcript_line *now)
{
	size_t	 i;

	if (then->body == NULL || now->body == NULL || !same_value(then->text, now->text))
		return;
	for (i = 0; i < then->body_len && then->body[i] == now->body[i]; i++)
		;
	buf_printf(b, "%s  (from byte %zu on)\n", margin(r), i + 1);
}

/* Prints two answers without the lines that both begin or end with. */
static void
print_difference(struct send_replay *r, const struct transcript_item *it,
    const struct transcript_line **then, size_t nthen,
    const struct transcript_line **now, size_t nnow, const char *note)
{
	struct buf	 b;
	size_t		 from = 0;

	while (from < nthen && from < nnow && same_line(then[from], now[from]))
		from++;
	while (nthen > from && nnow > from && same_line(then[nthen - 1], now[nnow - 1])) {
		nthen--;
		nnow--;
	}
	buf_init(&b, MAX_TEXT);
	add_place(r, &b, it);
	buf_printf(&b, "%s\n", note != NULL ? note : "the answer differs");
	add_answer_lines(r, &b, '-', then, from, nthen);
	add_answer_lines(r, &b, '+', now, from, nnow);
	if (nthen == from + 1 && nnow == from + 1)
		add_body_hint(r, &b, then[from], now[from]);
	print_and_free(r, &b);
}

void
send_replay_compare(struct send_replay *r, const struct transcript_item *it,
    const struct transcript_line *lines, size_t nnow, const char *note)
{
	static const struct transcript_line	  go_on = { .text = "continue" };
	const struct transcript_line		**then, **now, *recorded = &go_on;
	size_t					  i, nthen = 1;

	/* An event without an answer in the file went on as after continue. */
	if (it->nreply > 0) {
		recorded = &r->file->replies[it->reply];
		nthen = it->nreply;
	}
	then = without_progress(recorded, &nthen);
	now = without_progress(lines, &nnow);
	for (i = 0; i < nthen && i < nnow && same_line(then[i], now[i]); i++)
		;
	r->answers++;
	if (i < nthen || i < nnow) {
		r->different++;
		print_difference(r, it, then, nthen, now, nnow, note);
	}
	free(then);
	free(now);
}

void
send_replay_summary(const struct send_replay *r)
{
	struct buf	 b;

	buf_init(&b, MAX_TEXT);
	buf_printf(&b, "%s%zu session%s, %zu message%s, %zu answer%s: ", margin(r),
	    r->session, r->session == 1 ? "" : "s", r->messages,
	    r->messages == 1 ? "" : "s", r->answers, r->answers == 1 ? "" : "s");
	if (r->different == 0)
		buf_add_str(&b, "no difference");
	else
		buf_printf(&b, "%zu differ%s", r->different, r->different == 1 ? "s" : "");
	if (r->unplayed > 0)
		buf_printf(&b, ", %zu event%s not played", r->unplayed,
		    r->unplayed == 1 ? "" : "s");
	buf_add_str(&b, "\n");
	print_and_free(r, &b);
}
