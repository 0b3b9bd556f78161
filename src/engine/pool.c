/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/pool.c: the processes of one handler, the queue for them, and what follows
 * when a task has ended.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <syslog.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/mono.h"
#include "engine/hproc.h"
#include "engine/pool.h"
#include "engine/tally.h"

#define STDERR_LINES_A_SECOND	50
/* ms from a process that was of no use to the start of the next one. */
#define BACKOFF_MIN	1000
#define BACKOFF_MAX	30000
/* ms that an event waits until a line says why, and from one such line to the next. */
#define FULL_WAIT	1000
#define FULL_PAUSE	60000

static void on_pool_timer(void *);

/* This engine's part of a number that all engines share. */
static unsigned int
share(const struct engine *e, unsigned int n)
{
	return n / e->conf->engines + (e->index < n % e->conf->engines);
}

void
pool_init(struct pool *p, struct engine *e, unsigned int index)
{
	p->engine = e;
	p->conf = &e->conf->handlers[index];
	p->index = index;
	p->numbers = board_handler(e->board, e->index, index);
	p->load = board_load(e->board, e->index, index);
	TAILQ_INIT(&p->procs);
	TAILQ_INIT(&p->avail);
	TAILQ_INIT(&p->waiting);
	ltimer_init(&p->timer, e->base, on_pool_timer, p);
}

/* Makes the timer fire at this time (ms) or before; 0: no matter. */
static void
due_at(struct pool *p, uint64_t due)
{
	if (due != 0 && (p->timer.due == 0 || due < p->timer.due))
		ltimer_set(&p->timer, due);
}

/* 1 if one more process may be started now. */
static int
may_start(const struct pool *p)
{
	return p->nprocs < p->conf->processes && !p->limited &&
	    (p->backoff_until == 0 || p->backoff_until <= engine_now(p->engine));
}

/* Puts a process into the list of available ones, or takes it out. */
static void
relist(struct pool *p, struct hproc *hp)
{
	if (hp->is_avail)
		TAILQ_REMOVE(&p->avail, hp, avail);
	hp->is_avail = hproc_may_serve(hp) != 0;
	if (!hp->is_avail)
		return;
	/* If processes serve several scopes at a time, idle ones come first. */
	if (hp->slot.state == SLOT_LIVE && hproc_is_idle(hp))
		TAILQ_INSERT_HEAD(&p->avail, hp, avail);
	else
		TAILQ_INSERT_TAIL(&p->avail, hp, avail);
}

void
pool_took(struct pool *p, struct hproc *hp)
{
	relist(p, hp);
}

/* Processes that count as started ahead. */
static unsigned int
count_ahead(const struct pool *p)
{
	const struct hproc	*hp;
	unsigned int		 n = 0;

	TAILQ_FOREACH(hp, &p->procs, of_pool)
		if (!hp->retiring && (hp->slot.state == SLOT_STARTING ||
		    hp->slot.state == SLOT_LIVE) && (p->conf->reuse || hp->uses == 0))
			n++;
	return n;
}

static void
start_ahead(struct pool *p)
{
	unsigned int	 n;

	if (p->min == 0)
		return;
	for (n = count_ahead(p); n < p->min && may_start(p); n++)
		hproc_start(p, NULL);
}

/*
 * Ends all idle processes, and the others when they become idle. One end may
 * take other processes from the list, so each search starts at the beginning.
 */
static void
retire_all(struct pool *p)
{
	struct hproc	*hp;

	TAILQ_FOREACH(hp, &p->procs, of_pool) {
		hp->retiring = 1;
		relist(p, hp);
	}
	do {
		TAILQ_FOREACH(hp, &p->procs, of_pool)
			if (hp->retiring && hproc_is_idle(hp))
				break;
		if (hp != NULL)
			hproc_retire(hp);
	} while (hp != NULL);
}

void
pool_open(struct pool *p)
{
	p->min = share(p->engine, p->conf->processes_min);
	start_ahead(p);
}

static struct hproc *
find_any_idle(const struct pool *p)
{
	struct hproc	*hp;

	TAILQ_FOREACH(hp, &p->avail, avail)
		if (hproc_is_idle(hp))
			return hp;
	return NULL;
}

/* One end may take other processes from the list, so each search starts at the beginning. */
void
pool_retire(struct pool *p)
{
	struct hproc	*hp;

	p->min = 0;
	p->retired = 1;
	while ((hp = find_any_idle(p)) != NULL)
		hproc_retire(hp);
}

void
pool_close(struct pool *p)
{
	struct hproc	*hp;

	p->min = 0;
	retire_all(p);
	do {
		TAILQ_FOREACH(hp, &p->procs, of_pool)
			if (hproc_works_for_nobody(hp))
				break;
		if (hp != NULL)
			hproc_dismiss(hp);
	} while (hp != NULL);
}

/* Takes a task out of the queue, back into its session. */
static void
dequeue(struct pool *p, struct task *t)
{
	TAILQ_REMOVE(&p->waiting, t, entry);
	p->nwaiting--;
	numbers_add(&p->load->waiting, (uint64_t)-1);
	t->run.state = TASK_HELD;
}

/* 1 if tasks wait because no more processes are allowed. A pause between starts is another reason. */
static int
is_full(const struct pool *p)
{
	return !TAILQ_EMPTY(&p->waiting) && TAILQ_EMPTY(&p->avail) &&
	    (p->limited || p->nprocs >= p->conf->processes);
}

/* Returns when (ms) the oldest task has waited long enough for a line about it. */
static uint64_t
full_due(const struct pool *p)
{
	uint64_t	 wait = p->conf->queue_timeout / 2, due;

	due = TAILQ_FIRST(&p->waiting)->run.wanted / 1000 + (wait < FULL_WAIT ? wait : FULL_WAIT);
	return due > p->full_next ? due : p->full_next;
}

static void
tell_full(struct pool *p, uint64_t now)
{
	uint64_t	 ms;

	if (TAILQ_EMPTY(&p->waiting))
		return;
	if (full_due(p) > now) {
		due_at(p, full_due(p));
		return;
	}
	if (!is_full(p))
		return;
	ms = (mono_us() - TAILQ_FIRST(&p->waiting)->run.wanted) / 1000;
	log_msg(LOG_WARNING, NULL, "handler %s: all of its %u processes are in use, %u event%s "
	    "wait%s, the oldest for %llu.%llu s", p->conf->name, p->conf->processes, p->nwaiting,
	    p->nwaiting == 1 ? "" : "s", p->nwaiting == 1 ? "s" : "",
	    (unsigned long long)ms / 1000, (unsigned long long)ms / 100 % 10);
	p->full_next = now + FULL_PAUSE;
	due_at(p, p->full_next);
}

void
pool_wait(struct pool *p, struct task *t, int first)
{
	tally_wanted(t);
	tally_waits(p, t);
	p->nwaiting++;
	numbers_add(&p->load->waiting, 1);
	t->run.state = TASK_QUEUED;
	/* A report waits as long as it takes: no report is dropped. */
	t->run.deadline = t->report ? 0 : t->run.since + p->conf->queue_timeout;
	if (first)
		TAILQ_INSERT_HEAD(&p->waiting, t, entry);
	else
		TAILQ_INSERT_TAIL(&p->waiting, t, entry);
	due_at(p, t->run.deadline);
	due_at(p, full_due(p));
}

/*
 * Prefers the process that served this session last, which then reads its
 * earlier reports first; else any free one. NULL: none is free.
 */
static struct hproc *
choose(struct pool *p, const struct hstate *h)
{
	struct hproc	*hp = NULL;

	if (h->binding.last_proc != 0 && p->conf->reuse)
		hp = hproc_find(p->engine, h->binding.last_proc);
	return hp != NULL && hp->is_avail ? hp : TAILQ_FIRST(&p->avail);
}

/* Writes the files that a task names. If that fails the task has failed. */
static enum fate
write_spool_files(struct pool *p, struct task *t)
{
	struct task_result	 r = { .end = TASK_OVERLOAD };
	char			 why[SPOOL_WHY];

	if (t->spool == NULL || spool_write(t->spool, why) == 0)
		return TASK_KEPT;
	r.why = why;
	/* The process that serves the scope does not hear of the scope's end: let it go. */
	if (t->ends && !t->begins)
		hproc_release(&t->session->h[t->index]);
	pool_task_done(p, t, &r);
	return TASK_GONE;
}

/* Gives a task that begins a scope to a free process, or to a new one. */
static enum fate
find_process(struct pool *p, struct task *t)
{
	struct hproc	*hp;
	enum fate	 fate;

	if (write_spool_files(p, t) == TASK_GONE)
		return TASK_GONE;
	hp = choose(p, &t->session->h[t->index]);
	if (hp == NULL) {
		tally_wanted(t);
		hproc_start(p, t);
		return TASK_KEPT;
	}
	fate = hproc_give(hp, t);
	start_ahead(p);
	return fate;
}

/* Gives a session's first task for a handler to a process, or to the queue. */
static enum fate
submit(struct pool *p, struct hstate *h, struct task *t)
{
	if (h->binding.proc != NULL && t->begins)
		hproc_release(h);
	if (h->binding.proc != NULL) {
		if (t->report && hproc_is_full(h->binding.proc)) {
			h->binding.stalled = 1;
			h->binding.proc->was_full = 1;
			return TASK_KEPT;
		}
		if (write_spool_files(p, t) == TASK_GONE)
			return TASK_GONE;
		return hproc_give(h->binding.proc, t);
	}
	if (!t->begins)
		session_restart_scope(t);
	if (TAILQ_EMPTY(&p->waiting) && (!TAILQ_EMPTY(&p->avail) || may_start(p)))
		return find_process(p, t);
	t->run.since = engine_now(p->engine);
	pool_wait(p, t, 0);
	return TASK_KEPT;
}

static void
submit_tasks(struct pool *p, struct hstate *h)
{
	struct task	*t;

	if (h->scope_over) {
		h->scope_over = 0;
		h->session->nscopes_over--;
		hproc_release(h);
	}
	while ((t = TAILQ_FIRST(&h->tasks)) != NULL && t->run.state == TASK_HELD)
		if (submit(p, h, t) == TASK_KEPT)
			return;
}

void
pool_run_tasks(struct engine *e, struct session *s)
{
	unsigned int	 i;

	if (s->ntasks == 0 && s->nscopes_over == 0)
		return;
	for (i = 0; i < s->nh; i++)
		submit_tasks(&e->pools[s->listen->handlers[i]], &s->h[i]);
}

/* A task of the session is done: the next ones may go on. */
static void
session_moved(struct pool *p, struct session *s)
{
	pool_run_tasks(p->engine, s);
	p->engine->hooks->moved(p->engine, s);
}

void
pool_serve(struct pool *p)
{
	struct task	*t;
	struct session	*s;

	while ((t = TAILQ_FIRST(&p->waiting)) != NULL &&
	    (!TAILQ_EMPTY(&p->avail) || may_start(p))) {
		dequeue(p, t);
		s = t->session;
		if (find_process(p, t) == TASK_GONE)
			session_moved(p, s);
	}
}

void
pool_resubmit(struct pool *p, struct task *t)
{
	struct hstate	*h = &t->session->h[t->index];

	t->run.state = TASK_HELD;
	t->run.given = 0;
	tally_wanted(t);
	session_restart_scope(t);
	submit_tasks(p, h);
}

void
pool_abandon(struct engine *e, struct task *t, int late)
{
	const struct task_result	 r = { .end = TASK_TIMEOUT };

	if (late)
		tally_task(&e->pools[t->handler], t, &r);
	switch (t->run.state) {
	case TASK_QUEUED:
		dequeue(&e->pools[t->handler], t);
		session_cancel_task(t);
		break;
	case TASK_HELD:
		session_cancel_task(t);
		break;
	case TASK_STARTING:
	case TASK_ASKED:
		hproc_abandon(t->run.proc, t, late);
		break;
	}
}

/* 1 if a task can be dropped and leaves no later task of its scope without a beginning. */
static int
may_drop(const struct task *t)
{
	return (t->report || t->shadow) && (!t->begins || t->ends) &&
	    (t->run.state == TASK_HELD || t->run.state == TASK_QUEUED);
}

void
pool_shed(struct engine *e, struct session *s)
{
	struct task	*t, *next;
	unsigned int	 i;

	for (i = 0; i < s->nh; i++)
		TAILQ_FOREACH_SAFE(t, &s->h[i].tasks, in_session, next) {
			if (!may_drop(t))
				continue;
			if (t->run.state == TASK_QUEUED)
				dequeue(&e->pools[t->handler], t);
			if (t->report)
				numbers_add(&e->pools[t->handler].numbers->reports[1], 1);
			/* What it says is not said again in this scope. */
			session_scope_failed(s, i, t->scope);
			session_cancel_task(t);
		}
	pool_run_tasks(e, s);
}

/*
 * The scope has failed: fails the tasks that still wait for it, up to the next
 * scope. If the MTA waits for one of them, that event fails too.
 */
static void
drop_scope(struct pool *p, struct hstate *h)
{
	struct task_result	 r = { .end = TASK_FAILURE,
	    .why = "its process failed before it came to this" };
	struct task		*t, *next;

	TAILQ_FOREACH_SAFE(t, &h->tasks, in_session, next) {
		if (t->run.state != TASK_HELD)
			continue;
		if (t->begins)
			return;
		if (!t->report && !t->shadow) {
			pool_task_done(p, t, &r);
			return;
		}
		if (t->report)
			numbers_add(&p->numbers->reports[1], 1);
		session_drop_task(t);
	}
}

static void
told_or_shown(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;
	struct hstate	*h = &s->h[t->index];
	int		 failed = r->end != TASK_REPLY && r->end != TASK_REPORTED;

	if (t->shadow) {
		session_unlist_task(t);
		session_shadow_answer(t, r);
	} else if (failed)
		log_limited(p->conf->name, "failures of handler", LOG_WARNING, t->ids,
		    "handler %s: report %s: %s", p->conf->name,
		    event_name(t->event), r->why);
	if (failed && !t->ends) {
		session_scope_failed(s, t->index, t->scope);
		drop_scope(p, h);
	}
	session_drop_task(t);
	session_moved(p, s);
}

/* The MTA waits for the event of a task that is gone. */
static void
tell_owner(struct pool *p, struct session *s, struct task_result *r)
{
	/* A connection that closes abandons the event. */
	if (s->owner != NULL) {
		p->engine->hooks->answered(s, r);
		return;
	}
	log_bug(s->ids, "handler %s has answered a session whose connection is closed",
	    p->conf->name);
	session_moved(p, s);
}

void
pool_task_done(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;

	tally_task(p, t, r);
	if (s == NULL)
		task_free(t);
	else if (t->report || t->shadow)
		told_or_shown(p, t, r);
	else {
		session_drop_task(t);
		tell_owner(p, s, r);
	}
}

void
pool_task_late(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;

	tally_task(p, t, r);
	if (t->shadow) {
		session_unlist_task(t);
		session_shadow_answer(t, r);
	}
	session_detach_task(t);
	if (t->shadow)
		session_moved(p, s);
	else
		tell_owner(p, s, r);
}

void
pool_scope_failed(struct pool *p, struct hstate *h, const char *why)
{
	struct session	*s = h->session;

	log_limited(p->conf->name, "failures of handler", LOG_WARNING, s->ids,
	    "handler %s: in a scope that is not over: %s", p->conf->name,
	    why);
	session_scope_failed(s, h->index, h->binding.served);
	drop_scope(p, h);
	session_moved(p, s);
}

/* A scope whose next report waits because the process was full; NULL: none. */
static struct hstate *
find_stalled(const struct hproc *hp)
{
	struct hstate	*h;

	TAILQ_FOREACH(h, &hp->bound, binding.bound)
		if (h->binding.stalled)
			return h;
	return NULL;
}

void
pool_drained(struct pool *p, struct hproc *hp)
{
	struct hstate	*h;

	pool_available(p, hp);
	while (!hproc_is_full(hp) && (h = find_stalled(hp)) != NULL) {
		h->binding.stalled = 0;
		/* To the end of the list: the next time the other scopes come first. */
		TAILQ_REMOVE(&hp->bound, h, binding.bound);
		TAILQ_INSERT_TAIL(&hp->bound, h, binding.bound);
		session_moved(p, h->session);
	}
	hp->was_full = find_stalled(hp) != NULL;
}

static void
retire_for_another(struct pool *p, struct hproc *hp)
{
	p->reclaim--;
	hp->reclaimed = 1;
	hproc_retire(hp);
}

void
pool_available(struct pool *p, struct hproc *hp)
{
	if (p->reclaim > 0 && TAILQ_EMPTY(&p->waiting) && hproc_may_serve(hp) &&
	    hproc_is_idle(hp)) {
		retire_for_another(p, hp);
		return;
	}
	if (p->retired && TAILQ_EMPTY(&p->waiting) && hproc_may_serve(hp) && hproc_is_idle(hp)) {
		hproc_retire(hp);
		return;
	}
	relist(p, hp);
	if (!hp->is_avail)
		return;
	if (hproc_is_idle(hp) && p->conf->idle_timeout != 0 && p->conf->reuse)
		due_at(p, hp->idle_since + p->conf->idle_timeout);
	pool_serve(p);
}

static void
back_off(struct pool *p)
{
	/* Several processes that end at the same time count as one. */
	if (p->backoff_until > engine_now(p->engine))
		return;
	p->backoff = p->backoff == 0 ? BACKOFF_MIN : p->backoff * 2;
	if (p->backoff > BACKOFF_MAX)
		p->backoff = BACKOFF_MAX;
	p->backoff_until = engine_now(p->engine) + p->backoff;
	p->load->backoff_until = p->backoff_until;
	due_at(p, p->backoff_until);
	log_msg(LOG_WARNING, NULL, "handler %s: a process was of no use; the next one is started "
	    "in %llu s", p->conf->name, (unsigned long long)p->backoff / 1000);
}

void
pool_process_gone(struct pool *p, struct hproc *hp, int early)
{
	TAILQ_REMOVE(&p->procs, hp, of_pool);
	if (hp->is_avail)
		TAILQ_REMOVE(&p->avail, hp, avail);
	hp->is_avail = 0;
	p->nprocs--;
	if (early && (p->conf->reuse || hp->ahead))
		back_off(p);
	pool_serve(p);
	/* If another engine asked for the place of this process, do not take it again. */
	if (!hp->reclaimed)
		start_ahead(p);
}

void
pool_limited(struct pool *p)
{
	p->limited = 1;
}

void
pool_freed(struct pool *p)
{
	p->limited = 0;
	pool_serve(p);
	start_ahead(p);
}

void
pool_reclaim(struct pool *p)
{
	struct hproc	*hp;

	if (p->reclaim < p->nprocs)
		p->reclaim++;
	TAILQ_FOREACH(hp, &p->avail, avail)
		if (p->reclaim > 0 && hproc_is_idle(hp)) {
			retire_for_another(p, hp);
			return;
		}
}

void
pool_stale(struct pool *p)
{
	log_msg(LOG_INFO, NULL, "handler %s: its program has changed; processes of the old one "
	    "end when they are idle", p->conf->name);
	retire_all(p);
	p->backoff = p->backoff_until = 0;
	p->load->backoff_until = 0;
	pool_serve(p);
	start_ahead(p);
}

/* Ends tasks whose queue-timeout is over. All have the same, so the oldest come first. */
static void
end_waiting(struct pool *p, uint64_t now)
{
	struct task_result	 r = { .end = TASK_OVERLOAD,
	    .why = "no free process within queue-timeout" };
	struct task		*t;

	/* Telling a task may change the queue: search from the beginning. */
	for (;;) {
		TAILQ_FOREACH(t, &p->waiting, entry)
			if (t->run.deadline != 0)
				break;
		if (t == NULL)
			return;
		if (t->run.deadline > now) {
			due_at(p, t->run.deadline);
			return;
		}
		dequeue(p, t);
		pool_task_done(p, t, &r);
	}
}

/* A process that has been idle for idle-timeout; NULL: none. */
static struct hproc *
find_idle(struct pool *p, uint64_t now)
{
	struct hproc	*hp;

	TAILQ_FOREACH(hp, &p->avail, avail) {
		if (!hproc_is_idle(hp))
			continue;
		if (hp->idle_since + p->conf->idle_timeout <= now)
			return hp;
		due_at(p, hp->idle_since + p->conf->idle_timeout);
	}
	return NULL;
}

static void
end_idle(struct pool *p, uint64_t now)
{
	struct hproc	*hp;

	if (p->conf->idle_timeout == 0 || !p->conf->reuse)
		return;
	while (count_ahead(p) > p->min && (hp = find_idle(p, now)) != NULL)
		hproc_retire(hp);
}

static void
on_pool_timer(void *arg)
{
	struct pool	*p = arg;
	uint64_t	 now = engine_now(p->engine);

	if (p->backoff_until > now)
		due_at(p, p->backoff_until);
	tell_full(p, now);
	end_waiting(p, now);
	end_idle(p, now);
	pool_serve(p);
	start_ahead(p);
}

void
pool_log_dropped(struct pool *p, const char *ids)
{
	if (p->err_dropped > 0)
		log_msg(LOG_WARNING, ids, "handler %s: %u more lines of standard error, of "
		    "this session and others, were not logged", p->conf->name, p->err_dropped);
	p->err_dropped = 0;
}

int
pool_may_log(struct pool *p, const char *ids)
{
	uint64_t	 second = engine_now(p->engine) / 1000;

	if (second != p->err_second) {
		pool_log_dropped(p, ids);
		p->err_second = second;
		p->err_lines = 0;
	}
	if (p->err_lines >= STDERR_LINES_A_SECOND) {
		p->err_dropped++;
		numbers_add(&p->numbers->stderr_lines[1], 1);
		return 0;
	}
	p->err_lines++;
	numbers_add(&p->numbers->stderr_lines[0], 1);
	return 1;
}
