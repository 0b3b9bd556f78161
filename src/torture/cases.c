/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/cases.c: what is tried over the pipes of the handler.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "config/handler_conf.h"
#include "torture/cases.h"
#include "torture/play.h"

/* MANY if a process serves several events, SOME if each costs a process. */
#define MANY_RECIPIENTS	300
#define SOME_RECIPIENTS	30
#define MANY_HEADERS	200
#define SOME_HEADERS	5
#define LARGE_BODY	((size_t)30 << 20)
#define SOME_BODY	((size_t)300 << 10)
#define LARGE_IF_MS	150	/* above it the large body would take too long */
#define MANY_SESSIONS	30
#define LAST_STAGE	6	/* of a message that ends early */
#define EARLIER		"earlierword"
#define MAX_TOGETHER	8

static int
takes_event(const struct torture *t, enum event_kind ev)
{
	return (conf_handler_events(t->handler) & EV_BIT(ev)) != 0;
}

/* Tells if the answers to two events that should not make a difference differ. */
static void
compare_answers(struct torture *t, const struct torture_answer *a, const struct torture_answer *b,
    const char *what, const char *cause)
{
	char	 both[300];

	if (a->event == b->event && strcmp(a->signature, b->signature) == 0)
		return;
	(void)snprintf(both, sizeof(both), "%s, and %s", a->signature, b->signature);
	torture_wrong(&t->report, event_name(b->event), what, both, strlen(both), cause);
}

/* Compares the last n answers of both plays. */
static void
compare_tails(struct torture *t, const struct torture_play *a, const struct torture_play *b,
    size_t n, const char *what, const char *cause)
{
	size_t	 i;

	if (t->options->stateful || torture_is_over(t))
		return;
	if (a->nanswers < n || b->nanswers < n) {
		if (a->nanswers != b->nanswers)
			torture_wrong(&t->report, "session", what, NULL, 0, cause);
		return;
	}
	for (i = 1; i <= n; i++)
		compare_answers(t, &a->answers[a->nanswers - i], &b->answers[b->nanswers - i], what,
		    cause);
}

static size_t
count_of(const struct torture_play *a, const struct torture_play *b)
{
	return a->nanswers > b->nanswers ? a->nanswers : b->nanswers;
}

/* Plays a session without looking for anything special in its answers. */
static void
play_only(struct torture *t, const struct torture_mail *m, int mode)
{
	struct torture_play	 p;

	torture_play(&p, t, m, mode, NULL, 0);
	torture_play_free(&p);
}

/* Tries an ordinary message: whole, in pieces, fast and with pauses. */
static void
try_times(struct torture *t, struct torture_mail *m)
{
	static const char	 ahead_cause[] = "with processes-min such a process has no MILTER_ "
	    "variables: does it read the block?";
	static const char	 cause[] = "does it take what one read(2) returns for a whole "
	    "block or line?";
	struct torture_play	 whole, pieces;

	torture_trying(&t->report, "an ordinary message");
	torture_mail_client(m, 0);
	torture_mail_plain(m, "ordinary", 0);
	torture_play(&whole, t, m, 0, NULL, 0);
	if (!torture_is_over(t)) {
		torture_trying(&t->report, "the same, with pauses");
		play_only(t, m, TORTURE_APART);
	}
	if (!torture_is_over(t)) {
		torture_trying(&t->report, "the same, a few bytes at a time");
		torture_play(&pieces, t, m, TORTURE_PIECES, NULL, 0);
		compare_tails(t, &whole, &pieces, count_of(&whole, &pieces),
		    "it answers another way where a block comes in pieces", cause);
		torture_play_free(&pieces);
	}
	if (t->handler->processes_min > 0 && !t->handler->reuse && !torture_is_over(t)) {
		torture_trying(&t->report, "the same, to processes that were started ahead");
		torture_play(&pieces, t, m, TORTURE_AHEAD, NULL, 0);
		compare_tails(t, &whole, &pieces, count_of(&whole, &pieces),
		    "it answers another way where its process was started ahead", ahead_cause);
		torture_play_free(&pieces);
	}
	torture_play_free(&whole);
}

static const char memory_cause[] = "does it remember something of the message before, where the "
    "line message has another id, or the line complete says to forget all?";

/* Plays the same message after another one in the same session, and compares. */
static void
play_after(struct torture *t, struct torture_mail *m, const struct torture_play *alone, size_t n,
    int aborted)
{
	struct torture_play	 p;

	torture_mail_reset(m);
	torture_mail_client(m, 0);
	if (aborted)
		torture_mail_abort(m, LAST_STAGE - 1);
	else
		torture_mail_plain(m, EARLIER, 0);
	torture_mail_plain(m, "later", 1);
	torture_play(&p, t, m, 0, aborted ? TORTURE_ABORTED : EARLIER, 2);
	compare_tails(t, alone, &p, n, aborted ?
	    "it answers another way after a message that was aborted" :
	    "it answers another way after another message", memory_cause);
	torture_play_free(&p);
}

static void
try_memory(struct torture *t, struct torture_mail *m)
{
	struct torture_play	 alone, again;
	size_t			 session;

	torture_trying(&t->report, "a message without Subject after one that has one");
	/* The next message is to be the first of its process. */
	torture_retire(t);
	torture_mail_reset(m);
	torture_mail_client(m, 0);
	torture_play(&again, t, m, 0, NULL, 0);
	session = again.nanswers;
	torture_play_free(&again);
	torture_retire(t);
	torture_mail_plain(m, "later", 1);
	torture_play(&alone, t, m, 0, NULL, 0);
	if (alone.nanswers >= session) {
		play_after(t, m, &alone, alone.nanswers - session, 0);
		play_after(t, m, &alone, alone.nanswers - session, 1);
	}
	torture_mail_reset(m);
	torture_mail_client(m, 0);
	torture_mail_plain(m, "later", 1);
	torture_play(&again, t, m, 0, EARLIER, 0);
	compare_tails(t, &alone, &again, count_of(&alone, &again),
	    "it answers another way when the same message comes again", memory_cause);
	torture_play_free(&again);
	torture_play_free(&alone);
}

static void
compare_twins(struct torture *t, const struct torture_play *a, const struct torture_play *b,
    const struct torture_value *v)
{
	char	 what[160];

	(void)snprintf(what, sizeof(what), "its verdict depends on whether mail has %s", v->about);
	compare_tails(t, a, b, count_of(a, b), what,
	    TORTURE_TWIN_CAUSE);
}

static void
try_values(struct torture *t, struct torture_mail *m)
{
	struct torture_play	 plays[2];
	int			 last = 0;
	size_t			 i;

	memset(plays, 0, sizeof(plays));
	for (i = 0; i < t->nvalues && !torture_is_over(t); i++) {
		torture_trying(&t->report, "everywhere: %s", t->values[i].about);
		torture_mail_reset(m);
		torture_mail_value(m, &t->values[i]);
		t->given = t->values[i].about;
		last = i % 2 == 1;
		torture_play_free(&plays[last]);
		torture_play(&plays[last], t, m, 0, NULL, 0);
		if (i > 0 && t->values[i - 1].twin)
			compare_twins(t, &plays[!last], &plays[last], &t->values[i - 1]);
	}
	t->given = NULL;
	torture_play_free(&plays[0]);
	torture_play_free(&plays[1]);
}

/* Returns how many ms it took. */
static uint64_t
try_body(struct torture *t, struct torture_mail *m, size_t size)
{
	uint64_t	 began = mono_ms();

	torture_mail_reset(m);
	torture_mail_client(m, 1);
	torture_mail_body(m, size);
	play_only(t, m, 0);
	return mono_ms() - began;
}

static void
try_sizes(struct torture *t, struct torture_mail *m)
{
	int	 lasts = torture_lasts(t);

	torture_trying(&t->report, "hundreds of recipients, very long and empty values");
	torture_mail_reset(m);
	torture_mail_client(m, 1);
	torture_mail_sizes(m, lasts || !takes_event(t, EV_RCPT) ? MANY_RECIPIENTS : SOME_RECIPIENTS,
	    lasts || !takes_event(t, EV_HEADER) ? MANY_HEADERS : SOME_HEADERS);
	t->given = "very long values";
	play_only(t, m, 0);
	t->given = NULL;
	if (!takes_event(t, EV_BODY) || torture_is_over(t))
		return;
	torture_trying(&t->report, "a body of every byte");
	if (try_body(t, m, SOME_BODY) > LARGE_IF_MS)
		torture_remark(&t->report, "it is slow at bodies: a large one is not tried");
	else if (lasts && !torture_is_over(t)) {
		torture_trying(&t->report, "a large one");
		(void)try_body(t, m, LARGE_BODY);
	}
}

static void
try_aborts(struct torture *t, struct torture_mail *m)
{
	unsigned int	 i;

	for (i = 0; i <= LAST_STAGE && !torture_is_over(t); i++) {
		torture_trying(&t->report, "a message that ends after %u of its events", i);
		torture_mail_reset(m);
		torture_mail_client(m, i);
		torture_mail_abort(m, i);
		play_only(t, m, 0);
	}
}

/* Tries sessions one after the other, then as many at a time as the handler serves. */
static void
try_many(struct torture *t, struct torture_mail *m)
{
	size_t	 n = t->handler->concurrency;
	int	 i;

	torture_trying(&t->report, "many sessions");
	for (i = 0; i < MANY_SESSIONS && !torture_is_over(t); i++) {
		torture_mail_reset(m);
		torture_mail_client(m, (unsigned int)i);
		torture_mail_plain(m, "many", i % 2);
		play_only(t, m, 0);
	}
	if (n > 1 && !torture_is_over(t)) {
		torture_trying(&t->report, "several sessions at a time");
		torture_play_together(t, m, n < MAX_TOGETHER ? n : MAX_TOGETHER);
	}
}

void
torture_cases(struct torture *t)
{
	static void	(*const parts[])(struct torture *, struct torture_mail *) = {
		try_times, try_memory, try_values, try_sizes, try_aborts
	};
	struct torture_mail	 m;
	size_t			 i;

	torture_mail_init(&m, &t->neg);
	for (i = 0; i < nitems(parts) && !torture_is_over(t); i++) {
		torture_mail_reset(&m);
		parts[i](t, &m);
	}
	if (torture_lasts(t) && !torture_is_over(t))
		try_many(t, &m);
	torture_retire(t);
	if (!t->said && !torture_is_over(t))
		torture_remark(&t->report, "it said nothing at any event, which lets all mail "
		    "pass; if that is not what it should do with this mail: is its main function "
		    "called, and are its events asked for?");
	torture_mail_free(&m);
}
