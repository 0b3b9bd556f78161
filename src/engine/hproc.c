/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc.c: the life of one handler process: it starts, is given tasks and
 * scopes, and becomes free for others.
 */
#include "base/compat.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/xmalloc.h"
#include "engine/hproc_private.h"
#include "engine/pool.h"

static void on_hproc_timer(void *);

static int
hproc_compare(struct hproc *a, struct hproc *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(hproc_tree, hproc, by_id, hproc_compare)

struct hstate *
hproc_state(const struct task *t)
{
	return &t->session->h[t->index];
}

int
hproc_lasts(const struct hproc *hp)
{
	return hp->pool->conf->reuse || hp->pool->conf->scope != SCOPE_EVENT;
}

/* Scopes and detached tasks: what conf->concurrency limits. */
static unsigned int
load(const struct hproc *hp)
{
	return hp->nbound + hp->ndetached;
}

static int
doing(const struct hproc *hp)
{
	switch (hp->slot.state) {
	case SLOT_STARTING:
		return NUMBERS_STARTING;
	case SLOT_LIVE:
		return load(hp) == 0 ? NUMBERS_IDLE : NUMBERS_BUSY;
	case SLOT_GONE:
		return -1;
	default:
		return NUMBERS_ENDING;
	}
}

void
hproc_show(struct hproc *hp)
{
	struct slots_process	*p = hp->shown;
	const struct task	*t = TAILQ_FIRST(&hp->asked);
	int			 now = doing(hp);

	if (now == -1)
		return;
	p->uses = hp->uses;
	if (t != NULL) {
		p->since = t->run.since;
		p->event = t->event;
		memcpy(p->ids, t->ids, sizeof(p->ids));
	} else {
		if (p->state != (uint32_t)now || p->event != EV_COUNT)
			p->since = engine_now(hp->engine);
		p->event = EV_COUNT;
		memcpy(p->ids, load(hp) > 0 ? hp->ids : "", load(hp) > 0 ? sizeof(p->ids) : 1);
	}
	p->state = (uint32_t)now;
}

void
hproc_note(struct hproc *hp)
{
	int	 now = doing(hp);

	if (now == hp->noted)
		return;
	if (hp->noted != -1)
		numbers_add(&hp->pool->load->processes[hp->noted], (uint64_t)-1);
	if (now != -1)
		numbers_add(&hp->pool->load->processes[now], 1);
	hp->noted = now;
	hproc_show(hp);
}

/* Returns 1 sent, 0 no room for now, -1 the supervisor is gone. */
static int
send_owed(struct engine *e, struct hproc *hp)
{
	struct ipc_msg	 msg = { .id = hp->id };
	struct task	*t;
	int		 r;

	if (hp->owes_spawn) {
		msg.type = IPC_SPAWN;
		msg.handler = hp->pool->index;
		msg.event = (uint32_t)hp->event;
		if ((t = TAILQ_FIRST(&hp->asked)) != NULL && !hp->pool->conf->reuse) {
			msg.env = (const char *)t->env.data;
			msg.env_len = t->env.len;
		}
	} else {
		msg.type = IPC_KILL;
		msg.value = hp->owes_signal;
	}
	r = ipc_send(e->ipc_fd, &msg, NULL, 0);
	if (r == 1 && hp->owes_spawn)
		hp->owes_spawn = 0;
	else if (r == 1)
		hp->owes_signal = 0;
	else if (r == -1 && errno != EPIPE)
		fatal("message to the supervisor");
	return r;
}

void
hproc_flush_ipc(struct engine *e)
{
	struct hproc	*hp;
	int		 r;

	while ((hp = TAILQ_FIRST(&e->unsent)) != NULL) {
		if (hp->owes_spawn && hp->slot.state == SLOT_DOOMED) {
			hproc_cancel(hp);
			continue;
		}
		while (hp->owes_spawn || hp->owes_signal) {
			if ((r = send_owed(e, hp)) == 1)
				continue;
			/*
			 * EPIPE: engine.c, which reads the channel, handles a
			 * supervisor that is gone.
			 */
			if (r == 0)
				event_add(&e->ipc_write, NULL);
			return;
		}
		TAILQ_REMOVE(&e->unsent, hp, unsent);
		hp->is_unsent = 0;
	}
}

struct hproc *
hproc_find(struct engine *e, uint64_t id)
{
	struct hproc	 key;

	key.id = id;
	return RB_FIND(hproc_tree, &e->procs, &key);
}

/* Something is to be told to the supervisor. */
static void
owe(struct hproc *hp)
{
	if (!hp->is_unsent) {
		TAILQ_INSERT_TAIL(&hp->engine->unsent, hp, unsent);
		hp->is_unsent = 1;
	}
	hproc_flush_ipc(hp->engine);
}

static void
set_timer(struct hproc *hp)
{
	struct task	*t;
	uint64_t	 due = ltimer_first(hp->slot.deadline, hp->stuck_due);

	TAILQ_FOREACH(t, &hp->asked, entry)
		due = ltimer_first(due, t->run.deadline);
	ltimer_set(&hp->timer, due);
}

/* This never makes the timer later: it looks at all deadlines when it fires. */
void
hproc_add_deadline(struct hproc *hp, uint64_t due)
{
	ltimer_set(&hp->timer, ltimer_first(hp->timer.due, due));
}

struct hproc *
hproc_start(struct pool *p, struct task *t)
{
	struct hproc		*hp = xcalloc(1, sizeof(*hp));
	struct reply_limits	 limits = {
		.max_line = p->engine->conf->max_reply_line,
		.max_body = p->engine->conf->max_body,
		.keep_newlines = p->conf->keep_newlines,
		.with_id = p->conf->concurrency > 1,
	};

	hp->id = slots_take(board_slots(p->engine->board, p->engine->index), &hp->shown);
	hp->engine = p->engine;
	hp->pool = p;
	hp->ahead = t == NULL;
	hp->noted = -1;
	hp->may_return = HPROC_RETURNED;
	newline_init(&hp->output_crlf);
	hp->fds[0] = hp->fds[1] = hp->fds[2] = -1;
	TAILQ_INIT(&hp->asked);
	TAILQ_INIT(&hp->bound);
	TAILQ_INIT(&hp->actions);
	buf_init(&hp->out, HPROC_OUT_MAX);
	hp->dec = reply_dec_new(&limits);
	slot_init(&hp->slot);
	ltimer_init(&hp->timer, p->engine->base, on_hproc_timer, hp);
	RB_INSERT(hproc_tree, &p->engine->procs, hp);
	TAILQ_INSERT_TAIL(&p->procs, hp, of_pool);
	p->nprocs++;
	p->engine->nprocs++;
	hproc_note(hp);
	if (t != NULL)
		hproc_give(hp, t);
	else
		pool_available(p, hp);
	hp->owes_spawn = 1;
	owe(hp);
	return hp;
}

static void
free_hproc(struct hproc *hp)
{
	action_list_clear(&hp->actions);
	store_release(hp->output);
	reply_dec_free(hp->dec);
	buf_free(&hp->out);
	free(hp);
}

void
hproc_sweep(struct engine *e)
{
	struct hproc	*hp;

	while ((hp = TAILQ_FIRST(&e->dead_procs)) != NULL) {
		TAILQ_REMOVE(&e->dead_procs, hp, dead);
		free_hproc(hp);
	}
}

/*
 * We no longer know what the process does: it gets KILL, and what it has fails. To a
 * process that is still to be started TERM comes first.
 */
static void
give_up(struct hproc *hp, enum slot_event ev)
{
	log_bug(hp->ids, "handler %s: event %d of a process in state %d", hp->pool->conf->name,
	    (int)ev, (int)hp->slot.state);
	if (hp->slot.state == SLOT_GONE)
		return;
	hproc_fail(hp, TASK_FAILURE, "its process was ended, for a fault of pipemilter");
	if (hp->slot.state == SLOT_TERMED)
		hproc_advance(hp, SLOT_DEADLINE);
}

int
hproc_expects(struct hproc *hp, enum slot_event ev)
{
	if (slot_expects(&hp->slot, ev))
		return 1;
	give_up(hp, ev);
	return 0;
}

void
hproc_advance(struct hproc *hp, enum slot_event ev)
{
	unsigned int	 todo;

	if (!hproc_expects(hp, ev))
		return;
	todo = slot_event(&hp->slot, ev, engine_now(hp->engine));
	hproc_note(hp);
	hproc_add_deadline(hp, hp->slot.deadline);
	if ((todo & (SLOT_DO_TERM | SLOT_DO_KILL)) == 0)
		return;
	/* Nothing that it still writes counts, and EPIPE tells it so. */
	hproc_close_pipe(hp, 0);
	hproc_close_pipe(hp, 1);
	hp->owes_signal = todo & SLOT_DO_KILL ? SIGKILL : SIGTERM;
	owe(hp);
}

int
hproc_is_idle(const struct hproc *hp)
{
	return load(hp) == 0 && (hp->slot.state == SLOT_LIVE || hp->slot.state == SLOT_STARTING);
}

/* 1 if it can't serve another scope after the present ones, or must not. */
static int
is_used_up(const struct hproc *hp)
{
	const struct handler_conf	*conf = hp->pool->conf;

	if (hp->retiring || (hp->uses > 0 && !conf->reuse) ||
	    (conf->max_uses != 0 && hp->uses >= conf->max_uses))
		return 1;
	return hp->slot.state == SLOT_LIVE && (hp->fds[0] == -1 || hp->fds[1] == -1);
}

int
hproc_may_serve(const struct hproc *hp)
{
	return (hp->slot.state == SLOT_LIVE || hp->slot.state == SLOT_STARTING) &&
	    load(hp) < hp->pool->conf->concurrency && !is_used_up(hp) && !hproc_is_full(hp);
}

/* Closes its standard input once everything was written. */
static void
finish_input(struct hproc *hp)
{
	hp->finished = 1;
	if (hp->slot.state == SLOT_LIVE && hp->out.len == 0 && hp->input == NULL)
		hproc_close_pipe(hp, 0);
}

/* 1 if it has a task whose time is not over: then that time decides what becomes of it. */
static int
is_awaited(const struct hproc *hp)
{
	const struct task	*t;

	TAILQ_FOREACH(t, &hp->asked, entry)
		if (t->run.deadline != 0)
			return 1;
	return 0;
}

void
hproc_settle(struct hproc *hp)
{
	if (hp->slot.state != SLOT_LIVE && hp->slot.state != SLOT_STARTING)
		return;
	hproc_note(hp);
	if (load(hp) == 0)
		hp->idle_since = engine_now(hp->engine);
	if (load(hp) == 0 && is_used_up(hp)) {
		finish_input(hp);
		/* The last report may take as long as any answer. */
		if (hp->told && hproc_lasts(hp))
			hp->slot.grace = hp->pool->conf->timeout > SLOT_GRACE ?
			    hp->pool->conf->timeout : SLOT_GRACE;
		hproc_advance(hp, SLOT_FINISHED);
	} else if (hp->retiring && hp->nbound == 0 && !is_awaited(hp))
		hproc_fail(hp, TASK_FAILURE, "it never answered");
	pool_available(hp->pool, hp);
}

void
hproc_retire(struct hproc *hp)
{
	hp->retiring = hp->dismissed = 1;
	hproc_settle(hp);
}

static void
bind_scope(struct hproc *hp, struct hstate *h, const struct task *first)
{
	h->binding.proc = hp;
	h->binding.last_proc = hp->id;
	h->binding.served = first->scope;
	TAILQ_INSERT_TAIL(&hp->bound, h, binding.bound);
	hp->nbound++;
	hp->uses++;
	hproc_note(hp);
	pool_took(hp->pool, hp);
}

void
hproc_unbind(struct hstate *h)
{
	TAILQ_REMOVE(&h->binding.proc->bound, h, binding.bound);
	h->binding.proc->nbound--;
	hproc_note(h->binding.proc);
	h->binding.proc = NULL;
}

void
hproc_release(struct hstate *h)
{
	struct hproc	*hp = h->binding.proc;

	if (hp == NULL)
		return;
	hproc_unbind(h);
	hproc_settle(hp);
}

/* A process that ends with its message may read the files of that message until then. */
static void
keep_files(struct hproc *hp, struct task *t)
{
	if (t->spool == NULL || hp->pool->conf->reuse || hp->pool->conf->scope == SCOPE_SESSION)
		return;
	spool_free(hp->spool);
	hp->spool = t->spool;
	t->spool = NULL;
}

static enum fate
deliver(struct hproc *hp, struct task *t)
{
	struct hstate	*h = hproc_state(t);
	int		 ends = t->ends;

	hproc_put(hp, t);
	t->run.state = TASK_ASKED;
	if (!t->report || !hproc_lasts(hp))
		return TASK_KEPT;
	keep_files(hp, t);
	numbers_add(&hp->pool->numbers->reports[0], 1);
	session_drop_task(t);
	if (ends)
		hproc_release(h);
	return TASK_GONE;
}

enum fate
hproc_give(struct hproc *hp, struct task *t)
{
	if (t->begins)
		bind_scope(hp, hproc_state(t), t);
	t->run.proc = hp;
	hp->event = t->event;
	memcpy(hp->ids, t->ids, sizeof(hp->ids));
	t->run.state = TASK_STARTING;
	if (hp->slot.state == SLOT_LIVE && deliver(hp, t) == TASK_GONE)
		return TASK_GONE;
	t->run.since = engine_now(hp->engine);
	t->run.deadline = t->run.since + t->timeout;
	TAILQ_INSERT_TAIL(&hp->asked, t, entry);
	hproc_add_deadline(hp, t->run.deadline);
	hproc_show(hp);
	return TASK_KEPT;
}

void
hproc_progress(struct hproc *hp, struct task *t)
{
	if (t->run.deadline != 0)
		t->run.deadline = engine_now(hp->engine) + t->timeout;
	hproc_add_deadline(hp, t->run.deadline);
}

void
hproc_tell(struct hproc *hp, struct task *t, struct task_result *r)
{
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);

	/* Finishing this task may end the process and free its actions: take them first. */
	TAILQ_CONCAT(&actions, &hp->actions, entry);
	hp->nactions = 0;
	r->actions = &actions;
	TAILQ_REMOVE(&hp->asked, t, entry);
	t->run.proc = NULL;
	hproc_show(hp);
	keep_files(hp, t);
	if (t->session == NULL) {
		hp->ndetached--;
		hproc_settle(hp);
	} else if (t->ends)
		hproc_release(hproc_state(t));
	pool_task_done(hp->pool, t, r);
	action_list_clear(&actions);
}

void
hproc_tell_last(struct hproc *hp, struct task *t, struct task_result *r, const char *why)
{
	struct action_list	 actions = TAILQ_HEAD_INITIALIZER(actions);

	TAILQ_CONCAT(&actions, &hp->actions, entry);
	r->actions = &actions;
	TAILQ_REMOVE(&hp->asked, t, entry);
	t->run.proc = NULL;
	if (t->session == NULL)
		hp->ndetached--;
	else if (t->ends)
		hproc_unbind(hproc_state(t));
	hproc_fail(hp, TASK_FAILURE, why);
	pool_task_done(hp->pool, t, r);
	action_list_clear(&actions);
}

void
hproc_reason(const struct hproc *hp, const struct task *t, const char *why, char *buf,
    size_t size)
{
	unsigned long long	 ms = t == NULL ? 0 : engine_now(hp->engine) - t->run.since;

	if (t == NULL)
		snprintf(buf, size, "%s", why);
	else
		snprintf(buf, size, "%s, after %llu.%03llu s", why, ms / 1000, ms % 1000);
	if (hp->last_words[0] == '\0')
		return;
	strlcat(buf, "; last line of standard error: ", size);
	strlcat(buf, hp->last_words, size);
}

static void
on_slot_deadline(struct hproc *hp)
{
	if (hp->slot.state == SLOT_ENDING)
		log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, hp->ids,
		    "handler %s: %s: it has done its work and does "
		    "not exit", hp->pool->conf->name, event_name(hp->event));
	hproc_advance(hp, SLOT_DEADLINE);
}

/* The process has not read for `timeout'. */
static void
on_stuck(struct hproc *hp, uint64_t now)
{
	/*
	 * An awaited answer has its own, longer time; and a process that serves
	 * one scope need not read all of it.
	 */
	if (is_awaited(hp) || !hproc_lasts(hp)) {
		hp->stuck_due = now + hp->pool->conf->timeout;
		return;
	}
	/* The reports may be of many sessions, and none of those waits for the process. */
	log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, hp->ids,
	    "handler %s: report %s: it does not read what it is told "
	    "within timeout (%u ms); %llu bytes of reports are lost", hp->pool->conf->name,
	    event_name(hp->event), hp->pool->conf->timeout,
	    (unsigned long long)(hp->given - hproc_bytes_seen(hp)));
	hproc_fail(hp, TASK_TIMEOUT, "it does not read what it is told");
}

static void
on_hproc_timer(void *arg)
{
	struct hproc	*hp = arg;
	struct task	*t;
	uint64_t	 now = engine_now(hp->engine);

	if (hp->slot.deadline != 0 && hp->slot.deadline <= now)
		on_slot_deadline(hp);
	TAILQ_FOREACH(t, &hp->asked, entry)
		if (t->run.deadline != 0 && t->run.deadline <= now)
			break;
	if (t != NULL)
		hproc_overdue(hp, t);
	else if (hp->stuck_due != 0 && hp->stuck_due <= now)
		on_stuck(hp, now);
	if (hp->slot.state != SLOT_GONE)
		set_timer(hp);
}

/* Gives the process the tasks that have waited for its start. */
static void
deliver_waiting(struct hproc *hp)
{
	struct task_result	 r = { .end = TASK_REPORTED };
	struct task_list	 had;
	struct task		*t;

	TAILQ_INIT(&had);
	while ((t = TAILQ_FIRST(&hp->asked)) != NULL) {
		TAILQ_REMOVE(&hp->asked, t, entry);
		TAILQ_INSERT_TAIL(&had, t, entry);
	}
	while ((t = TAILQ_FIRST(&had)) != NULL) {
		TAILQ_REMOVE(&had, t, entry);
		hproc_put(hp, t);
		t->run.state = TASK_ASKED;
		TAILQ_INSERT_TAIL(&hp->asked, t, entry);
		if (t->report && hproc_lasts(hp))
			hproc_tell(hp, t, &r);
	}
	hproc_show(hp);
}

void
hproc_started(struct hproc *hp, int *fds)
{
	if (!hproc_expects(hp, SLOT_STARTED)) {
		ipc_close_fds(fds);
		return;
	}
	hproc_open_pipes(hp, fds);
	hp->started = hp->idle_since = engine_now(hp->engine);
	hproc_advance(hp, SLOT_STARTED);
	if (hp->slot.state != SLOT_LIVE)
		return;
	deliver_waiting(hp);
	hproc_settle(hp);
}
