/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc_judge.c: what the end of a process means for what it had in hand; and
 * ends that show that it is not the kind of program it is configured to be.
 */
#include "base/compat.h"

#include <sys/wait.h>

#include <syslog.h>

#include "state/exit_status.h"
#include "engine/hproc_int.h"
#include "base/log.h"
#include "engine/pool.h"

#define ONE_SHOT_PAUSE	60000	/* ms between two warnings of one handler */

static void
judge_report(struct hproc *hp, const struct task *t, int status, struct task_result *r,
    char *why)
{
	exit_status_report(status, r, why);
	if (r->end == TASK_REPORTED && status != 0)
		log_msg(LOG_WARNING, t->ids, "handler %s: report %s: exit status %d",
		    hp->pool->conf->name, event_name(t->event), WEXITSTATUS(status));
}

/* The last of what it returned goes to the disk only now. */
static void
check_output(struct task_result *r)
{
	if (r->end != TASK_REPLY || r->output == NULL || store_bytes(r->output) != NULL)
		return;
	r->end = TASK_OVERLOAD;
	r->why = store_error(r->output);
}

/* 1 if it let an event pass by an end that comes too early for one that is used again. */
static int
is_one_shot(const struct hproc *hp, const struct task *t, int status,
    const struct task_result *r)
{
	return hp->pool->conf->reuse && !t->report && status == 0 && r->end == TASK_REPLY &&
	    TAILQ_EMPTY(r->actions) && r->output == NULL &&
	    !exit_status_is_named(hp->pool->conf, 0);
}

/* An answer like any other, and so the filter would be off without a word. */
static void
warn_of_one_shot(struct hproc *hp, const char *what)
{
	struct pool	*p = hp->pool;
	uint64_t	 now = engine_now(hp->engine);

	if (p->one_shot_said != 0 && now - p->one_shot_said < ONE_SHOT_PAUSE)
		return;
	p->one_shot_said = now;
	log_msg(LOG_WARNING, hp->ids, "handler %s: %s %s: is it a loop that reads the block "
	    "(with handler.sh: does it call milter_main)? Such a process has no MILTER_ "
	    "variables", p->conf->name, what,
	    p->conf->reuse ? "it is to serve more (reuse = yes)" :
	    "it was started ahead (processes-min)");
}

void
hproc_ended_unasked(struct hproc *hp, int had_nothing, int status)
{
	if (hp->ahead && hp->uses == 0 && had_nothing && status == 0 && !hp->dismissed &&
	    (hp->slot.state == SLOT_LIVE || hp->slot.state == SLOT_ENDING))
		warn_of_one_shot(hp, "it ended with status 0 before it was asked anything, though");
}

void
hproc_judge(struct hproc *hp, struct task *t, int status, int saw, struct task_result *r)
{
	char	 why[EXIT_WHY];
	char	 text[1024];

	r->end = TASK_REPLY;
	if (t->report)
		judge_report(hp, t, status, r, why);
	else if (hp->pool->conf->concurrency == 1 && saw)
		exit_status_verdict(hp->pool->conf, status, r, why);
	else {
		exit_status_text(status, why);
		r->end = TASK_FAILURE;
		r->why = why;
	}
	check_output(r);
	if (is_one_shot(hp, t, status, r))
		warn_of_one_shot(hp, "it ended with status 0 and no verdict, which lets the mail "
		    "pass, though");
	if (r->end == TASK_FAILURE) {
		hproc_explain(hp, t, r->why, text, sizeof(text));
		r->why = text;
	}
	pool_task_done(hp->pool, t, r);
}
