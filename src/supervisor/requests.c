/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/requests.c: starts and signals handler processes for engines.
 */
#include "base/compat.h"

#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/syslog.h"
#include "base/xmalloc.h"
#include "supervisor/awake.h"
#include "supervisor/quota.h"
#include "supervisor/requests.h"
#include "supervisor/stale.h"
#include "supervisor/starts.h"
#include "system/spawn.h"

struct requests {
	struct ledger		*ledger;
	struct engine_proc	*engines[ENGINES_MAX];	/* by number; NULL: none */
	struct quota		*quota;		/* by the numbers of handlers and engines */
};

struct requests *
requests_new(struct ledger *ledger)
{
	struct requests	*r = xcalloc(1, sizeof(*r));

	r->ledger = ledger;
	r->quota = quota_new(0, ENGINES_MAX);
	return r;
}

void
requests_free(struct requests *r)
{
	quota_free(r->quota);
	free(r);
}

void
requests_add_engine(struct requests *r, struct engine_proc *e)
{
	if (e->number >= ENGINES_MAX)
		fatalx("requests: engine %u", e->number);
	r->engines[e->number] = e;
	quota_grow(r->quota, ledger_size(r->ledger));
}

void
requests_remove_engine(struct requests *r, const struct engine_proc *e)
{
	r->engines[e->number] = NULL;
}

void
requests_limits_changed(struct requests *r)
{
	quota_all_due(r->quota, awake_ms());
}

static void
send_failed(struct engine_proc *e, uint64_t id, int code, enum ipc_stage stage)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_FAILED;
	msg.id = id;
	msg.value = code;
	msg.stage = stage;
	engine_proc_send(e, &msg, NULL, 0);
}

static void
send_spawned(struct engine_proc *e, uint64_t id, const struct spawned *sp)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_SPAWNED;
	msg.id = id;
	msg.value = (int32_t)sp->pid;
	engine_proc_send(e, &msg, sp->fds, IPC_MAX_FDS);
}

static void
send_exited(struct engine_proc *e, uint64_t id, int status)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_EXITED;
	msg.id = id;
	msg.value = status;
	engine_proc_send(e, &msg, NULL, 0);
}

/* Sends a message that has only the handler: its index in the configuration of that engine. */
static void
send_about(struct engine_proc *e, enum ipc_type type, uint32_t handler)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = type;
	msg.handler = handler;
	engine_proc_send(e, &msg, NULL, 0);
}

/* The same, by the number of the handler in the ledger. */
static void
send_about_number(struct engine_proc *e, enum ipc_type type, uint32_t number)
{
	int	 handler = generation_handler(e->generation, number);

	if (handler != -1)
		send_about(e, type, (uint32_t)handler);
}

/*
 * 1 if the engine has processes of the handler. An engine that does not read
 * gets no pile of messages.
 */
static int
can_let_go(unsigned int engine, uint32_t number, void *arg)
{
	const struct requests		*r = arg;
	const struct engine_proc	*e = r->engines[engine];

	return e != NULL && e->ready && e->nqueued == 0 &&
	    child_count_handler_of(engine, number) > 0;
}

static void
refuse(struct requests *r, struct engine_proc *e, const struct ipc_msg *msg)
{
	const struct handler_conf	*h = &e->generation->conf->handlers[msg->handler];
	uint32_t			 number = e->generation->handlers[msg->handler];
	int				 other;

	quota_refused(r->quota, number, e->number);
	send_failed(e, msg->id, EAGAIN, IPC_STAGE_LIMIT);
	/* Processes of other handlers end by themselves. */
	if (!h->reuse && h->processes_min == 0)
		return;
	other = quota_reclaim_from(r->quota, number, e->number, can_let_go, r);
	if (other != -1)
		send_about_number(r->engines[other], IPC_RECLAIM, number);
}

static void
tell_of_room(struct requests *r, uint32_t number, uint64_t now)
{
	int	 engine;

	if (child_count_handler(number) >= ledger_processes(r->ledger, number))
		return;
	if ((engine = quota_freed(r->quota, number, now)) != -1 && r->engines[engine] != NULL)
		send_about_number(r->engines[engine], IPC_FREED, number);
}

/* starts_over() */
static void
start_over(void *arg, struct child *c, int runs)
{
	struct requests		*r = arg;
	struct engine_proc	*e = c->orphan ? NULL : r->engines[c->engine];

	if (!runs) {
		if (e != NULL)
			send_failed(e, c->id, c->start->error, c->start->stage);
		child_drop(c, awake_ms());
		return;
	}
	c->ran = 1;
	ledger_life(r->ledger, c->handler)->starts++;
	if (e == NULL)
		return;
	/* They are the engine's from here on. */
	send_spawned(e, c->id, c->start);
	c->start->fds[0] = c->start->fds[1] = c->start->fds[2] = -1;
}

static uint64_t
microseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static void
count_end(struct control_life *l, int status, const struct rusage *used)
{
	uint64_t	 resident = (uint64_t)used->ru_maxrss * 1024;

	if (WIFSIGNALED(status))
		l->signal++;
	else if (WEXITSTATUS(status) == 0)
		l->zero++;
	else
		l->status++;
	l->cpu += microseconds(&used->ru_utime) + microseconds(&used->ru_stime);
	if (resident > l->max_resident)
		l->max_resident = resident;
}

void
requests_exited(struct requests *r, struct child *c, int status, const struct rusage *used)
{
	uint32_t	 number = c->handler;

	starts_settle(c, start_over, r);
	if (c->ran)
		count_end(ledger_life(r->ledger, number), status, used);
	if (!c->orphan && r->engines[c->engine] != NULL)
		send_exited(r->engines[c->engine], c->id, status);
	child_remove(c);
	tell_of_room(r, number, awake_ms());
}

void
requests_engine_gone(struct requests *r, unsigned int engine)
{
	quota_engine_gone(r->quota, engine, awake_ms());
}

/* 1 if the configuration has something to run for this message. */
static int
can_be_run(const struct conf *conf, const struct ipc_msg *msg)
{
	const struct handler_conf	*h;

	if (msg->handler >= conf->nhandlers || msg->event >= EV_COUNT)
		return 0;
	h = &conf->handlers[msg->handler];
	return h->command != NULL || h->hook_path[msg->event] != NULL;
}

static void
add_start(struct engine_proc *e, const struct ipc_msg *msg, const struct spawned *sp,
    struct stale *files)
{
	struct generation	*g = e->generation;
	uint64_t		 now = awake_ms();
	struct child		*c;

	c = child_add(e->number, msg->id, sp->pid, g->handlers[msg->handler]);
	c->generation = g->id;
	c->files = files;
	if (files != NULL)
		stale_await(files);
	starts_add(c, sp, now);
	looks_wanted(g->looks, msg->handler, now);
}

static int
serve_spawn(struct requests *r, struct engine_proc *e, const struct ipc_msg *msg, int may_spawn)
{
	struct generation		*g = e->generation;
	struct stale			*files = NULL;
	struct spawned			 sp;
	uint32_t			 number;

	if (!can_be_run(g->conf, msg) || child_by_id(e->number, msg->id) != NULL)
		return -1;
	if (!may_spawn) {
		send_failed(e, msg->id, ECANCELED, IPC_STAGE_FORK);
		return 0;
	}
	number = g->handlers[msg->handler];
	if (child_count_handler(number) >= ledger_processes(r->ledger, number)) {
		refuse(r, e, msg);
		return 0;
	}
	/* If none runs, none is left that was made of older files. */
	if (child_count_handler_in(g->id, number) == 0)
		files = looks_files(g->looks, msg->handler);
	if (spawn_begin(&g->conf->handlers[msg->handler], g->runtime->tmpdirs[msg->handler],
	    (enum event_kind)msg->event, msg->env, msg->env_len, e->cpu, files != NULL, &sp) == -1)
		send_failed(e, msg->id, sp.error, sp.stage);
	else
		add_start(e, msg, &sp, files);
	return 0;
}

static int
serve_kill(const struct engine_proc *e, const struct ipc_msg *msg)
{
	const struct child	*c;

	if (msg->value != SIGTERM && msg->value != SIGKILL)
		return -1;
	/* The process may have ended in the meantime. */
	if ((c = child_by_id(e->number, msg->id)) != NULL)
		child_signal(c, msg->value);
	return 0;
}

int
requests_serve(struct requests *r, struct engine_proc *e, const struct ipc_msg *msg, int may_spawn)
{
	switch (msg->type) {
	case IPC_SPAWN:
		return serve_spawn(r, e, msg, may_spawn);
	case IPC_KILL:
		return serve_kill(e, msg);
	case IPC_LOG:
		/* Without a receiver it will ask again. */
		if (e->log_fd != -1)
			(void)syslog_connect(e->log_fd);
		return 0;
	case IPC_READY:
	case IPC_RETIRED:
	case IPC_SERVE:
	case IPC_SPAWNED:
	case IPC_FAILED:
	case IPC_EXITED:
	case IPC_DRAIN:
	case IPC_RETIRE:
	case IPC_ANSWER:
	case IPC_RECLAIM:
	case IPC_FREED:
	case IPC_STALE:
	case IPC_WATCH:
	case IPC_UNWATCH:
	case IPC_TYPE_COUNT:
		break;
	}
	return -1;
}

void
requests_files_changed(struct generation *g, uint32_t handler)
{
	unsigned int	 i;

	log_debug("handler %s: its files have changed", g->conf->handlers[handler].name);
	for (i = 0; i < g->n; i++)
		send_about(&g->engines[i], IPC_STALE, handler);
}

size_t
requests_poll_count(void)
{
	return starts_count();
}

void
requests_fill(struct pollfd *pfds)
{
	starts_fill(pfds);
}

void
requests_serve_starts(struct requests *r, const struct pollfd *pfds, size_t n)
{
	starts_serve(pfds, n, start_over, r);
}

uint64_t
requests_run_timers(struct requests *r, uint64_t now)
{
	uint64_t	 next, t;
	int		 number;

	while ((number = quota_due(r->quota, now)) != -1)
		tell_of_room(r, (uint32_t)number, now);
	next = quota_next(r->quota);
	if ((t = starts_run_timers(now, start_over, r)) < next)
		next = t;
	return next;
}
