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

#include "engine/hproc.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "engine/pool.h"

#define STDERR_LINES_A_SECOND	50
/* ms from a process that was of no use to the next one. */
#define BACKOFF_MIN	1000
#define BACKOFF_MAX	30000

static void on_pool_timer(void *);

/* What one engine has of a number that all of them share. */
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
	TAILQ_INIT(&p->procs);
	TAILQ_INIT(&p->avail);
	TAILQ_INIT(&p->waiting);
	ltimer_init(&p->timer, e->base, on_pool_timer, p);
}

static void
due_at(struct pool *p, uint64_t due)
{
	if (due != 0 && (p->timer.due == 0 || due < p->timer.due))
		ltimer_set(&p->timer, due);
}

static int
may_start(const struct pool *p)
{
	return p->nprocs < p->conf->processes && !p->limited &&
	    (p->backoff_until == 0 || p->backoff_until <= engine_now(p->engine));
}

/* Sees to it that it is in the list of available ones if it is one. */
static void
relist(struct pool *p, struct hproc *hp)
{
	if (hp->is_avail)
		TAILQ_REMOVE(&p->avail, hp, avail);
	hp->is_avail = hproc_may_serve(hp) != 0;
	if (!hp->is_avail)
		return;
	/* Where several scopes share one, those that work already come last. */
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
 * All that are idle end, and the others when they are. One may take others
 * with it from the list, so each look begins anew.
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

static void
dequeue(struct pool *p, struct task *t)
{
	TAILQ_REMOVE(&p->waiting, t, entry);
	t->run.state = TASK_HELD;
}

void
pool_wait(struct pool *p, struct task *t, int first)
{
	t->run.state = TASK_QUEUED;
	/* A report waits as long as it takes: none is dropped. */
	t->run.deadline = t->report ? 0 : t->run.since + p->conf->queue_timeout;
	if (first)
		TAILQ_INSERT_HEAD(&p->waiting, t, entry);
	else
		TAILQ_INSERT_TAIL(&p->waiting, t, entry);
	due_at(p, t->run.deadline);
}

/*
 * That which has served the session before, so that what it was told there is
 * read before what it is told now; else any that is available; or NULL.
 */
static struct hproc *
choose(struct pool *p, const struct hstate *h)
{
	struct hproc	*hp = NULL;

	if (h->binding.last_proc != 0 && p->conf->reuse)
		hp = hproc_find(p->engine, h->binding.last_proc);
	return hp != NULL && hp->is_avail ? hp : TAILQ_FIRST(&p->avail);
}

/* Writes the files that a task names. If they can't be written it has failed. */
static enum fate
write_spool_files(struct pool *p, struct task *t)
{
	struct task_result	 r = { .end = TASK_OVERLOAD };
	char			 why[SPOOL_WHY];

	if (t->spool == NULL || spool_write(t->spool, why) == 0)
		return TASK_KEPT;
	r.why = why;
	/* The process that has served its scope so far is not told of its end. */
	if (t->ends && !t->begins)
		hproc_release(&t->session->h[t->index]);
	pool_task_done(p, t, &r);
	return TASK_GONE;
}

/* Gives a task that begins a scope to a process that is available, or to a new one. */
static enum fate
find_process(struct pool *p, struct task *t)
{
	struct hproc	*hp;
	enum fate	 fate;

	if (write_spool_files(p, t) == TASK_GONE)
		return TASK_GONE;
	hp = choose(p, &t->session->h[t->index]);
	if (hp == NULL) {
		hproc_start(p, t);
		return TASK_KEPT;
	}
	fate = hproc_give(hp, t);
	start_ahead(p);
	return fate;
}

/* Gives a handler's first task to a process, or queues it. */
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
pool_run_lines(struct engine *e, struct session *s)
{
	unsigned int	 i;

	if (s->ntasks == 0 && s->nscopes_over == 0)
		return;
	for (i = 0; i < s->nh; i++)
		submit_tasks(&e->pools[s->listen->handlers[i]], &s->h[i]);
}

/* The lines of a session have moved: more may be read for it, or it is over. */
static void
session_moved(struct pool *p, struct session *s)
{
	pool_run_lines(p->engine, s);
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
	session_restart_scope(t);
	submit_tasks(p, h);
}

void
pool_abandon(struct engine *e, struct task *t, int late)
{
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

/*
 * A scope has failed: what waits in line for it is not given to another
 * process, and the event that the MTA waits for has failed with it.
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

void
pool_task_done(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;

	if (s == NULL)
		task_free(t);
	else if (t->report || t->shadow)
		told_or_shown(p, t, r);
	else {
		/* Its connection can't be gone: it abandons what it waits for. */
		session_drop_task(t);
		p->engine->hooks->answered(s, r);
	}
}

void
pool_task_late(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;

	if (t->shadow) {
		session_unlist_task(t);
		session_shadow_answer(t, r);
	}
	session_detach_task(t);
	if (t->shadow)
		session_moved(p, s);
	else
		p->engine->hooks->answered(s, r);
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

/* The scope of a line that stands still since its process took no more; or NULL. */
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
		/* The next time the others come first. */
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
	/* Several that end together count as one. */
	if (p->backoff_until > engine_now(p->engine))
		return;
	p->backoff = p->backoff == 0 ? BACKOFF_MIN : p->backoff * 2;
	if (p->backoff > BACKOFF_MAX)
		p->backoff = BACKOFF_MAX;
	p->backoff_until = engine_now(p->engine) + p->backoff;
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
	/* Another engine is to have the place of one that was asked for. */
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
	pool_serve(p);
	start_ahead(p);
}

/* The queue-timeout of all is the same, so that those that are due come first. */
static void
end_waiting(struct pool *p, uint64_t now)
{
	struct task_result	 r = { .end = TASK_OVERLOAD,
	    .why = "no free process within queue-timeout" };
	struct task		*t;

	/* Telling of one may change the queue. */
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

/* One that may go, since it has been idle for so long; or NULL. */
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
		return 0;
	}
	p->err_lines++;
	return 1;
}
