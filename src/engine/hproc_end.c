/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc_end.c: how a handler process fails, is abandoned or ends, and what
 * that means for the tasks and scopes that it has.
 */
#include "base/compat.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "engine/hproc_private.h"
#include "engine/pool.h"
#include "state/exit_status.h"

#define ONE_SHOT_PAUSE	60000	/* ms between two warnings about one handler */
/* ms. A process that ends sooner was of no use: the next one is delayed. */
#define EARLY		1000
/*
 * ms. A process killed within this time after it got a block is taken to have
 * been idle: it may not have read the block.
 */
#define JUST_NOW	100

static const char *const stage_names[IPC_STAGE_COUNT] = {
	[IPC_STAGE_PIPE] = "pipe",
	[IPC_STAGE_FORK] = "fork",
	[IPC_STAGE_SETUP] = "set-up",
	[IPC_STAGE_EXEC] = "exec",
	[IPC_STAGE_LIMIT] = "limit",
};

/* The process is gone: frees its share of `processes' and serves the queue. */
static void
drop_process(struct hproc *hp, int early)
{
	struct engine	*e = hp->engine;
	int		 i;

	for (i = 0; i < 3; i++)
		hproc_close_pipe(hp, i);
	ltimer_stop(&hp->timer);
	hproc_note(hp);
	spool_free(hp->spool);
	hp->spool = NULL;
	if (hp->is_unsent)
		TAILQ_REMOVE(&e->unsent, hp, unsent);
	if (hp->is_dirty)
		TAILQ_REMOVE(&e->dirty, hp, dirty);
	RB_REMOVE(hproc_tree, &e->procs, hp);
	slots_drop(board_slots(e->board, e->index), hp->id);
	e->nprocs--;
	TAILQ_INSERT_TAIL(&e->dead_procs, hp, dead);
	pool_process_gone(hp->pool, hp, early);
}

/* Tells all tasks in `had' the same result. */
static void
tell_all(struct hproc *hp, struct task_list *had, const struct task_result *with)
{
	struct action_list	 none = TAILQ_HEAD_INITIALIZER(none);
	struct task_result	 r;
	struct task		*t;
	char			 why[1024];

	while ((t = TAILQ_FIRST(had)) != NULL) {
		TAILQ_REMOVE(had, t, entry);
		t->run.proc = NULL;
		hproc_reason(hp, t, with->why, why, sizeof(why));
		r = *with;
		r.why = why;
		r.actions = &none;
		pool_task_done(hp->pool, t, &r);
	}
}

/* Fails the scopes that have no task at the process now. */
static void
fail_scopes(struct hproc *hp, const char *why)
{
	struct hstate		*h;
	char			 text[1024];

	hproc_reason(hp, NULL, why, text, sizeof(text));
	while ((h = TAILQ_FIRST(&hp->bound)) != NULL) {
		hproc_unbind(h);
		pool_scope_failed(hp->pool, h, text);
	}
}

/* Moves all tasks of the process to `had'. Nobody waits for those without a session. */
static void
take_asked(struct hproc *hp, struct task_list *had)
{
	struct task	*t;

	while ((t = TAILQ_FIRST(&hp->asked)) != NULL) {
		TAILQ_REMOVE(&hp->asked, t, entry);
		TAILQ_INSERT_TAIL(had, t, entry);
		if (t->session != NULL && hproc_state(t)->binding.proc == hp)
			hproc_unbind(hproc_state(t));
	}
	hp->ndetached = 0;
	hp->answering = NULL;
	action_list_clear(&hp->actions);
	hp->nactions = 0;
}

void
hproc_fail(struct hproc *hp, enum task_end end, const char *why)
{
	struct task_result	 r = { .end = end, .why = why };
	struct task_list	 had = TAILQ_HEAD_INITIALIZER(had);

	take_asked(hp, &had);
	hproc_advance(hp, SLOT_FAILED);
	hproc_forget_output(hp);
	pool_available(hp->pool, hp);
	fail_scopes(hp, why);
	/*
	 * A scope that was told of its failure just now may have given the
	 * process more tasks.
	 */
	take_asked(hp, &had);
	tell_all(hp, &had, &r);
}

static void
tell_late(struct hproc *hp, struct task *t)
{
	struct task_result	 r = { .end = TASK_TIMEOUT };
	struct hstate		*h = hproc_state(t);
	char			 limit[80], why[512];

	snprintf(limit, sizeof(limit), "no answer within timeout (%u ms)", t->timeout);
	hproc_reason(hp, NULL, limit, why, sizeof(why));
	r.why = why;
	hp->ndetached++;
	if (t->ends)
		hproc_unbind(h);
	pool_task_late(hp->pool, t, &r);
}

/* Goes on without this task, whose time is over, for the other tasks of the process. */
static void
give_up_on(struct hproc *hp, struct task *t)
{
	t->run.deadline = 0;
	hp->retiring = 1;
	if (t->session != NULL)
		tell_late(hp, t);
	hproc_settle(hp);
}

void
hproc_overdue(struct hproc *hp, struct task *t)
{
	char	 why[80];

	if (hp->pool->conf->concurrency > 1 && hp->slot.state == SLOT_LIVE) {
		give_up_on(hp, t);
		return;
	}
	snprintf(why, sizeof(why), "no %s within timeout (%u ms)",
	    t->report ? "end" : "answer", t->timeout);
	hproc_fail(hp, TASK_TIMEOUT, why);
}

static void
abandon_start(struct hproc *hp, struct task *t)
{
	TAILQ_REMOVE(&hp->asked, t, entry);
	if (hproc_state(t)->binding.proc == hp)
		hproc_unbind(hproc_state(t));
	session_drop_task(t);
	hproc_show(hp);
	/* This process has the environment of one task, so it can't serve another scope. */
	if (!hp->pool->conf->reuse && !hp->ahead)
		hproc_advance(hp, SLOT_FAILED);
	pool_available(hp->pool, hp);
}

static void
abandon_and_end(struct hproc *hp, struct task *t)
{
	TAILQ_REMOVE(&hp->asked, t, entry);
	if (hproc_state(t)->binding.proc == hp)
		hproc_unbind(hproc_state(t));
	session_drop_task(t);
	hproc_fail(hp, TASK_FAILURE, "it took too long with another event");
}

/* The end of a message may take minutes, but not when nobody waits for it. */
static void
shorten(struct hproc *hp, struct task *t)
{
	uint64_t	 end = engine_now(hp->engine) + hp->pool->conf->timeout;

	if (t->run.deadline <= end)
		return;
	t->run.deadline = end;
	hproc_add_deadline(hp, end);
}

void
hproc_abandon(struct hproc *hp, struct task *t, int late)
{
	struct hstate	*h = hproc_state(t);

	if (t->run.state == TASK_STARTING) {
		abandon_start(hp, t);
		return;
	}
	if (!hproc_lasts(hp) || (late && hp->pool->conf->concurrency == 1)) {
		abandon_and_end(hp, t);
		return;
	}
	session_detach_task(t);
	hp->ndetached++;
	if (t->ends && h->binding.proc == hp)
		hproc_unbind(h);
	if (late) {
		t->run.deadline = 0;
		hp->retiring = 1;
	} else
		shorten(hp, t);
	hproc_settle(hp);
}

int
hproc_works_for_nobody(const struct hproc *hp)
{
	return hp->nbound == 0 && hp->ndetached > 0 && hp->slot.state == SLOT_LIVE;
}

void
hproc_dismiss(struct hproc *hp)
{
	hp->dismissed = 1;
	hproc_fail(hp, TASK_FAILURE, "nobody waits for it");
}

void
hproc_cancel(struct hproc *hp)
{
	hproc_advance(hp, SLOT_NOT_STARTED);
	drop_process(hp, 0);
}

static void
put_back(struct hproc *hp)
{
	struct task_list	 had = TAILQ_HEAD_INITIALIZER(had);
	struct task		*t;
	struct hstate		*h;

	take_asked(hp, &had);
	while ((h = TAILQ_FIRST(&hp->bound)) != NULL)
		hproc_unbind(h);
	drop_process(hp, 0);
	pool_limited(hp->pool);
	while ((t = TAILQ_LAST(&had, task_list)) != NULL) {
		TAILQ_REMOVE(&had, t, entry);
		t->run.proc = NULL;
		pool_wait(hp->pool, t, 1);
	}
	/* Another process may have become free while no task was in the queue. */
	pool_serve(hp->pool);
}

/* ENOENT may mean the interpreter: then the file that the message names does exist. */
static const char *
exec_hint(enum ipc_stage stage, int error)
{
	if (stage != IPC_STAGE_EXEC)
		return "";
	if (error == ENOENT)
		return ": it, or the interpreter in its first line";
	return error == ENOEXEC ? ": a script begins with a #! line" : "";
}

void
hproc_not_started(struct hproc *hp, int error, enum ipc_stage stage)
{
	const struct handler_conf	*conf = hp->pool->conf;
	struct task_result		 r = { .end = TASK_FAILURE };
	struct task_list		 had = TAILQ_HEAD_INITIALIZER(had);
	char				 why[1024];

	if (!hproc_expects(hp, SLOT_NOT_STARTED))
		return;
	hproc_advance(hp, SLOT_NOT_STARTED);
	if (stage == IPC_STAGE_LIMIT) {
		put_back(hp);
		return;
	}
	snprintf(why, sizeof(why), "%s could not be started (%s: %s%s)",
	    conf->command != NULL ? conf->command[0] : conf->hook_path[hp->event],
	    stage_names[stage], error == ETIMEDOUT ? "it took too long" : strerror(error),
	    exec_hint(stage, error));
	if (hp->ahead && TAILQ_EMPTY(&hp->asked))
		log_limited(conf->name, "failures of handler", LOG_WARNING, NULL,
		    "handler %s: %s", conf->name, why);
	r.why = why;
	take_asked(hp, &had);
	fail_scopes(hp, why);
	take_asked(hp, &had);
	drop_process(hp, 1);
	tell_all(hp, &had, &r);
}

void
hproc_lost(struct hproc *hp)
{
	if (!hproc_expects(hp, SLOT_STARTED))
		return;
	hp->started = engine_now(hp->engine);
	hproc_advance(hp, SLOT_STARTED);
	if (hp->slot.state == SLOT_LIVE)
		hproc_fail(hp, TASK_FAILURE, "too few file descriptors");
}

static void
judge_report(struct hproc *hp, const struct task *t, int status, struct task_result *r,
    char *why)
{
	exit_status_report(status, r, why);
	if (r->end == TASK_REPORTED && status != 0)
		log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, t->ids,
		    "handler %s: report %s: exit status %d",
		    hp->pool->conf->name, event_name(t->event), WEXITSTATUS(status));
}

/* The end of a returned message reaches the disk only now, and that may fail. */
static void
check_output(struct task_result *r)
{
	if (r->end != TASK_REPLY || r->output == NULL || store_bytes(r->output) != NULL)
		return;
	r->end = TASK_OVERLOAD;
	r->why = store_error(r->output);
}

/* 1 if a reusable process ended without a verdict, and the event passed because of it. */
static int
is_one_shot(const struct hproc *hp, const struct task *t, int status,
    const struct task_result *r)
{
	return hp->pool->conf->reuse && !t->report && status == 0 && r->end == TASK_REPLY &&
	    TAILQ_EMPTY(r->actions) && r->output == NULL &&
	    !exit_status_is_named(hp->pool->conf, 0);
}

/*
 * Exit status 0 without a verdict lets mail pass. If a loop is missing in the
 * handler, the filter would be off, and nothing but this warning says so.
 */
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

static void
warn_if_ended_unasked(struct hproc *hp, int had_nothing, int status)
{
	if (hp->ahead && hp->uses == 0 && had_nothing && status == 0 && !hp->dismissed &&
	    (hp->slot.state == SLOT_LIVE || hp->slot.state == SLOT_ENDING))
		warn_of_one_shot(hp, "it ended with status 0 before it was asked anything, though");
}

static void
judge_end(struct hproc *hp, struct task *t, int status, int saw, struct task_result *r)
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
		hproc_reason(hp, t, r->why, text, sizeof(text));
		r->why = text;
	}
	pool_task_done(hp->pool, t, r);
}

/* 1 if the process has read no byte of this task. seen: bytes that it has read in all. */
static int
never_saw(const struct hproc *hp, const struct task *t, uint64_t seen)
{
	return t->session != NULL && !t->report && !t->shadow && seen != hp->given &&
	    t->run.given_at >= seen;
}

/*
 * 1 if another process is to have the task: this one was idle when it ended. A
 * process that is killed just as it reads may have taken the block out of the
 * pipe, so a task is given to another only once for that reason.
 */
static int
is_for_another(const struct hproc *hp, struct task *t, int saw, int status)
{
	if (!t->begins)
		return !saw && status == 0;
	if (!hp->ahead && hp->uses <= 1)
		return 0;
	if (!saw)
		return 1;
	if (t->session == NULL || t->report || t->shadow || t->run.retried || !WIFSIGNALED(status) ||
	    (WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM) ||
	    hp->pool->conf->concurrency > 1 ||
	    engine_now(hp->engine) - t->run.since > JUST_NOW || reply_dec_pending(hp->dec) > 0 ||
	    hp->returned > 0)
		return 0;
	t->run.retried = 1;
	return 1;
}

/* Tells all tasks of a process that has exited. Its share of `processes' is free by now. */
static void
exit_with(struct hproc *hp, struct task_list *had, struct action_list *actions,
    uint64_t seen, int status)
{
	struct task_result	 r;
	struct task		*t;
	int			 saw;

	while ((t = TAILQ_FIRST(had)) != NULL) {
		TAILQ_REMOVE(had, t, entry);
		t->run.proc = NULL;
		memset(&r, 0, sizeof(r));
		r.actions = actions;
		r.output = hp->output;
		saw = !never_saw(hp, t, seen);
		if (TAILQ_EMPTY(actions) && is_for_another(hp, t, saw, status))
			pool_resubmit(hp->pool, t);
		else
			judge_end(hp, t, status, saw || t->begins, &r);
		action_list_clear(actions);
	}
}

/* It has exited without a task in scopes that are not over. */
static void
leave_scopes(struct hproc *hp, int status)
{
	char		 why[EXIT_WHY];
	struct hstate	*h;

	exit_status_text(status, why);
	if (status != 0) {
		fail_scopes(hp, why);
		return;
	}
	while ((h = TAILQ_FIRST(&hp->bound)) != NULL)
		hproc_unbind(h);
}

static int
ended_early(const struct hproc *hp, const struct task_list *had, int status)
{
	if ((hp->slot.state != SLOT_LIVE && hp->slot.state != SLOT_ENDING) || hp->dismissed ||
	    hp->proved || engine_now(hp->engine) - hp->started >= EARLY)
		return 0;
	/* It was told of something, there was nothing more to read, and it ended well. */
	if (hp->slot.state == SLOT_ENDING && hp->uses > 0 && status == 0)
		return 0;
	return TAILQ_EMPTY(had) || status != 0;
}

/* 1 if no other line of the log tells of this end, and somebody should know. */
static int
is_worth_a_line(const struct hproc *hp, const struct task_list *had, int status)
{
	return TAILQ_EMPTY(had) && TAILQ_EMPTY(&hp->bound) && status != 0 &&
	    (hp->slot.state == SLOT_LIVE || hp->slot.state == SLOT_ENDING);
}

void
hproc_exited(struct hproc *hp, int status)
{
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);
	struct task_list	 had = TAILQ_HEAD_INITIALIZER(had);
	uint64_t		 seen;
	char			 why[EXIT_WHY];
	int			 early;

	if (!hproc_expects(hp, SLOT_EXITED)) {
		/* What it had has failed; that may have dropped the process already. */
		if (hp->slot.state == SLOT_GONE)
			return;
		hp->slot.state = SLOT_GONE;
		drop_process(hp, 1);
		return;
	}
	hp->retiring = 1;
	pool_available(hp->pool, hp);
	seen = hproc_bytes_seen(hp);
	hproc_read_rest(hp, status);
	TAILQ_CONCAT(&actions, &hp->actions, entry);
	take_asked(hp, &had);
	exit_status_text(status, why);
	log_msg(is_worth_a_line(hp, &had, status) ? LOG_WARNING : LOG_DEBUG, hp->ids,
	    "handler %s: %s: process %s", hp->pool->conf->name,
	    hp->uses == 0 ? "started ahead" : event_name(hp->event), why);
	if (hp->told && seen < hp->given)
		log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, hp->ids,
		    "handler %s: it ended and left %llu bytes of reports "
		    "unread", hp->pool->conf->name, (unsigned long long)(hp->given - seen));
	warn_if_ended_unasked(hp, TAILQ_EMPTY(&had), status);
	early = ended_early(hp, &had, status);
	/* A process that only gets reports has no other way to show that it works. */
	if (!early && hp->uses > 0 && status == 0)
		hp->pool->backoff = 0;
	hproc_advance(hp, SLOT_EXITED);
	leave_scopes(hp, status);
	take_asked(hp, &had);
	drop_process(hp, early);
	exit_with(hp, &had, &actions, seen, status);
	action_list_clear(&actions);
}
