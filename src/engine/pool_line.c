/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/pool_line.c: the lines of tasks of the sessions: what is given to a process
 * next, and what follows from what became of it.
 */
#include "base/compat.h"

#include <syslog.h>

#include "engine/conn.h"
#include "engine/hproc.h"
#include "base/log.h"
#include "engine/pool_int.h"

/* Gives a first task to a process, or queues it. Returns 1 if it is done and gone. */
static int
submit(struct pool *p, struct hstate *h, struct task *t)
{
	if (h->proc != NULL && t->begins)
		hproc_release(h);
	if (h->proc != NULL) {
		if (t->report && hproc_is_full(h->proc)) {
			h->stalled = 1;
			h->proc->was_full = 1;
			return 0;
		}
		return pool_write_files(p, t) ? hproc_give(h->proc, t) : 1;
	}
	if (!t->begins)
		session_restart_scope(t);
	if (TAILQ_EMPTY(&p->waiting) && (!TAILQ_EMPTY(&p->avail) || pool_may_start(p)))
		return pool_find_process(p, t);
	t->since = engine_now(p->engine);
	pool_wait(p, t, 0);
	return 0;
}

static void
run_line(struct pool *p, struct hstate *h)
{
	struct task	*t;

	if (h->scope_over) {
		h->scope_over = 0;
		h->session->nscopes_over--;
		hproc_release(h);
	}
	while ((t = TAILQ_FIRST(&h->tasks)) != NULL && t->state == TASK_HELD)
		if (!submit(p, h, t))
			return;
}

void
pool_run_lines(struct engine *e, struct session *s)
{
	unsigned int	 i;

	if (s->ntasks == 0 && s->nscopes_over == 0)
		return;
	for (i = 0; i < s->nh; i++)
		run_line(&e->pools[s->listen->handlers[i]], &s->h[i]);
}

void
pool_resubmit(struct pool *p, struct task *t)
{
	struct hstate	*h = &t->session->h[t->index];

	t->state = TASK_HELD;
	session_restart_scope(t);
	run_line(p, h);
}

void
pool_abandon(struct engine *e, struct task *t, int late)
{
	switch (t->state) {
	case TASK_QUEUED:
		pool_dequeue(&e->pools[t->handler], t);
		session_cancel_task(t);
		break;
	case TASK_HELD:
		session_cancel_task(t);
		break;
	case TASK_STARTING:
	case TASK_ASKED:
		hproc_abandon(t->proc, t, late);
		break;
	}
}

/* The lines of a session have moved: more may be read for it, or it is over. */
void
pool_session_moved(struct pool *p, struct session *s)
{
	struct conn	*c = s->owner;

	pool_run_lines(p->engine, s);
	if (c != NULL)
		conn_resume(c);
	else
		conn_release_session(p->engine, s);
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
		if (t->state != TASK_HELD)
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

	if (t->shadow)
		session_shadow_answer(t, r);
	else if (failed)
		log_msg(LOG_WARNING, t->ids, "handler %s: report %s: %s", p->conf->name,
		    event_name(t->event), r->why);
	if (failed && !t->ends) {
		session_scope_failed(s, t->index, t->scope);
		drop_scope(p, h);
	}
	session_drop_task(t);
	pool_session_moved(p, s);
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
		conn_answered(s->owner, r);
	}
}

void
pool_task_late(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;

	if (t->shadow)
		session_shadow_answer(t, r);
	session_detach_task(t);
	if (t->shadow)
		pool_session_moved(p, s);
	else
		conn_answered(s->owner, r);
}

void
pool_scope_failed(struct pool *p, struct hstate *h, const char *why)
{
	struct session	*s = h->session;

	log_msg(LOG_WARNING, s->ids, "handler %s: in a scope that is not over: %s", p->conf->name,
	    why);
	session_scope_failed(s, h->index, h->served);
	drop_scope(p, h);
	pool_session_moved(p, s);
}

/* The scope of a line that stands still since its process took no more; or NULL. */
static struct hstate *
find_stalled(const struct hproc *hp)
{
	struct hstate	*h;

	TAILQ_FOREACH(h, &hp->bound, bound)
		if (h->stalled)
			return h;
	return NULL;
}

void
pool_drained(struct pool *p, struct hproc *hp)
{
	struct hstate	*h;

	pool_available(p, hp);
	while (!hproc_is_full(hp) && (h = find_stalled(hp)) != NULL) {
		h->stalled = 0;
		/* The next time the others come first. */
		TAILQ_REMOVE(&hp->bound, h, bound);
		TAILQ_INSERT_TAIL(&hp->bound, h, bound);
		pool_session_moved(p, h->session);
	}
	hp->was_full = find_stalled(hp) != NULL;
}
