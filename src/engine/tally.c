/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/tally.c: counts what became of tasks, and how long they took.
 */
#include "base/compat.h"

#include <stdio.h>
#include <syslog.h>

#include "base/log_limit.h"
#include "base/mono.h"
#include "engine/tally.h"
#include "engine/watch.h"

void
tally_wanted(struct task *t)
{
	if (t->run.wanted == 0)
		t->run.wanted = mono_us();
}

void
tally_waits(const struct pool *p, struct task *t)
{
	if (!t->report && !t->run.waited)
		numbers_add(&p->numbers->waits, 1);
	t->run.waited = 1;
}

/* us from the moment that a task needed a process until it was given to one, or until now. */
static uint64_t
waited(const struct task *t, uint64_t now)
{
	if (t->run.wanted == 0)
		return 0;
	return (t->run.given != 0 ? t->run.given : now) - t->run.wanted;
}

static void
tell_slow(const struct pool *p, const struct task *t, uint64_t took, uint64_t wait)
{
	char	 text[64] = "";

	if (wait >= 1000)
		(void)snprintf(text, sizeof(text), ", and waited %llu.%03llu s for a process",
		    (unsigned long long)wait / 1000000, (unsigned long long)wait / 1000 % 1000);
	log_seldom(p->conf->name, "slow answers of handler", LOG_WARNING, t->ids,
	    "handler %s: %s: slow: %llu.%03llu s%s", p->conf->name, event_name(t->event),
	    (unsigned long long)took / 1000000, (unsigned long long)took / 1000 % 1000, text);
}

static void
count_failure(const struct pool *p, enum task_end end)
{
	numbers_add(&p->numbers->failures[end == TASK_TIMEOUT ? NUMBERS_TIMEOUT :
	    end == TASK_OVERLOAD ? NUMBERS_OVERLOAD : NUMBERS_FAILURE], 1);
}

static void
count_answer(const struct pool *p, const struct task *t, const struct task_result *r)
{
	uint64_t	 now = mono_us(), wait = waited(t, now);
	uint64_t	 took = t->run.given == 0 ? 0 : now - t->run.given;

	numbers_add_time(&p->numbers->wait, wait);
	numbers_add_time(&p->numbers->events[t->event], took);
	if (watch_is_on() && t->session != NULL)
		watch_answer(p, t, r, took, wait);
	if (r->end != TASK_REPLY) {
		count_failure(p, r->end);
		return;
	}
	numbers_add(&p->numbers->answers[r->verdict], 1);
	if (p->conf->slow == 0 || took <= p->conf->slow * (uint64_t)1000)
		return;
	numbers_add(&p->numbers->slow, 1);
	tell_slow(p, t, took, wait);
}

void
tally_task(const struct pool *p, struct task *t, const struct task_result *r)
{
	if (t->report)
		numbers_add(&p->numbers->reports[r->end != TASK_REPORTED], 1);
	else if (!t->run.counted && (t->session != NULL || r->end != TASK_FAILURE))
		count_answer(p, t, r);
	t->run.counted = 1;
}
