/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdlib.h>
#include <syslog.h>

#include "conn.h"
#include "hproc.h"
#include "log.h"
#include "mono.h"
#include "pool.h"

#define STDERR_LINES_A_SECOND	50

static void on_timer(evutil_socket_t, short, void *);

void
pool_init(struct pool *p, struct engine *e, unsigned int index)
{
	p->engine = e;
	p->conf = &e->conf->handlers[index];
	p->index = index;
	TAILQ_INIT(&p->waiting);
	evtimer_assign(&p->timer, e->base, on_timer, p);
}

/* The queue-timeout of all is the same, so the first that has one is due first. */
static void
set_timer(struct pool *p)
{
	struct task	*t;
	struct timeval	 tv;
	uint64_t	 now = mono_ms();

	evtimer_del(&p->timer);
	TAILQ_FOREACH(t, &p->waiting, waiting)
		if (t->queue_deadline != 0)
			break;
	if (t == NULL)
		return;
	tv = engine_timeval(t->queue_deadline > now ? t->queue_deadline - now : 0);
	evtimer_add(&p->timer, &tv);
}

static void
dequeue(struct pool *p, struct task *t)
{
	TAILQ_REMOVE(&p->waiting, t, waiting);
	t->queued = 0;
	set_timer(p);
}

static void
submit(struct pool *p, struct task *t)
{
	t->submitted = 1;
	if (p->nprocs < p->conf->processes && TAILQ_EMPTY(&p->waiting)) {
		p->nprocs++;
		hproc_start(p, t);
		return;
	}
	/* A report waits as long as it takes: none is dropped. */
	t->queue_deadline = t->report ? 0 : mono_ms() + p->conf->queue_timeout;
	t->queued = 1;
	TAILQ_INSERT_TAIL(&p->waiting, t, waiting);
	set_timer(p);
}

void
pool_run_lines(struct engine *e, struct session *s)
{
	struct task	*t;
	unsigned int	 i;

	for (i = 0; i < s->nh && s->ntasks > 0; i++) {
		t = TAILQ_FIRST(&s->h[i].line);
		if (t != NULL && !t->submitted)
			submit(&e->pools[t->handler], t);
	}
}

void
pool_abandon(struct engine *e, struct session *s, struct task *t)
{
	struct hproc	*hp, key;

	if (t->queued)
		dequeue(&e->pools[t->handler], t);
	if (t->process != 0) {
		key.id = t->process;
		hp = RB_FIND(hproc_tree, &e->procs, &key);
		if (hp != NULL)
			hproc_abandon(hp);
	}
	session_drop_task(s, t);
}

static void
report_done(struct session *s, const struct task *t, const struct task_result *r)
{
	if (r->end != TASK_REPORTED)
		log_msg(LOG_WARNING, t->ids, "handler %s: report %s: %s",
		    session_handler(s, t->place)->name, event_name(t->event), r->why);
}

void
pool_task_done(struct pool *p, struct task *t, struct task_result *r)
{
	struct session	*s = t->session;
	struct conn	*c = s->owner;

	if (t->report) {
		report_done(s, t, r);
		session_drop_task(s, t);
		pool_run_lines(p->engine, s);
		if (c != NULL)
			conn_resume(c);
		else
			conn_release_session(p->engine, s);
		return;
	}
	/* Its connection can't be gone: it abandons what it waits for. */
	session_drop_task(s, t);
	conn_answered(c, r);
}

void
pool_process_gone(struct pool *p)
{
	struct task	*t;

	p->nprocs--;
	while (p->nprocs < p->conf->processes && (t = TAILQ_FIRST(&p->waiting)) != NULL) {
		dequeue(p, t);
		p->nprocs++;
		hproc_start(p, t);
	}
}

static void
on_timer(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct pool		*p = arg;
	struct task		*t, *next;
	struct task_result	 r = { .end = TASK_OVERLOAD,
	    .why = "no free process within queue-timeout" };
	uint64_t		 now = mono_ms();

	/* One at a time: telling of one may change the queue. */
	do {
		next = NULL;
		TAILQ_FOREACH(t, &p->waiting, waiting)
			if (t->queue_deadline != 0 && t->queue_deadline <= now) {
				next = t;
				break;
			}
		if (next != NULL) {
			dequeue(p, next);
			pool_task_done(p, next, &r);
		}
	} while (next != NULL);
	set_timer(p);
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
	uint64_t	 second = mono_ms() / 1000;

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
