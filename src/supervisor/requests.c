/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/requests.c: starts and signals handler processes for engines.
 */
#include "base/compat.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/syslog.h"
#include "base/xmalloc.h"
#include "supervisor/quota.h"
#include "supervisor/requests.h"
#include "supervisor/stale.h"
#include "system/spawn.h"

#define STALE_MS	1000	/* ms from one look at the files of handlers to the next */

struct requests {
	const struct conf	*conf;
	const struct runtime	*runtime;
	struct engine_proc	*engines;
	struct quota		*quota;
	struct stale		**files;	/* by handler; NULL: a change does not matter */
	uint64_t		 look_at;	/* ms: when the files are looked at again */
};

struct requests *
requests_new(const struct conf *conf, const struct runtime *runtime, struct engine_proc *engines)
{
	struct requests	*r = xcalloc(1, sizeof(*r));
	size_t		 i;

	r->conf = conf;
	r->runtime = runtime;
	r->engines = engines;
	r->quota = quota_new((unsigned int)conf->nhandlers, conf->engines);
	r->files = xcalloc(conf->nhandlers, sizeof(*r->files));
	for (i = 0; i < conf->nhandlers; i++)
		if (stale_matters(&conf->handlers[i]))
			r->files[i] = stale_new(&conf->handlers[i]);
	r->look_at = MONO_NEVER;
	return r;
}

void
requests_free(struct requests *r)
{
	size_t	 i;

	for (i = 0; i < r->conf->nhandlers; i++)
		if (r->files[i] != NULL)
			stale_free(r->files[i]);
	free(r->files);
	quota_free(r->quota);
	free(r);
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

/* Sends a message that has only the handler. */
static void
send_about(struct engine_proc *e, enum ipc_type type, uint32_t handler)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = type;
	msg.handler = handler;
	engine_proc_send(e, &msg, NULL, 0);
}

/*
 * 1 if the engine has processes of the handler. An engine that does not read
 * gets no pile of messages.
 */
static int
can_let_go(unsigned int engine, uint32_t handler, void *arg)
{
	const struct requests	*r = arg;

	return r->engines[engine].ready && r->engines[engine].nqueued == 0 &&
	    child_count_handler_of(engine, handler) > 0;
}

static void
refuse(struct requests *r, struct engine_proc *e, const struct ipc_msg *msg)
{
	const struct handler_conf	*h = &r->conf->handlers[msg->handler];
	int				 other;

	quota_refused(r->quota, msg->handler, e->index);
	send_failed(e, msg->id, EAGAIN, IPC_STAGE_LIMIT);
	/* Processes of other handlers end by themselves. */
	if (!h->reuse && h->processes_min == 0)
		return;
	other = quota_reclaim_from(r->quota, msg->handler, e->index, can_let_go, r);
	if (other != -1)
		send_about(&r->engines[other], IPC_RECLAIM, msg->handler);
}

static void
tell_of_room(struct requests *r, uint32_t handler, uint64_t now)
{
	int	 engine;

	if (child_count_handler(handler) >= r->conf->handlers[handler].processes)
		return;
	if ((engine = quota_freed(r->quota, handler, now)) != -1)
		send_about(&r->engines[engine], IPC_FREED, handler);
}

void
requests_exited(struct requests *r, struct child *c, int status)
{
	uint32_t	 handler = c->handler;

	if (!c->orphan)
		send_exited(&r->engines[c->engine], c->id, status);
	child_remove(c);
	tell_of_room(r, handler, mono_ms());
}

void
requests_engine_gone(struct requests *r, unsigned int engine)
{
	quota_engine_gone(r->quota, engine, mono_ms());
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

/* Call it before the start, so that no change can come between. */
static void
watch_files(struct requests *r, uint32_t handler, size_t running)
{
	if (r->files[handler] == NULL)
		return;
	/* No process runs that was started from older files. */
	if (running == 0)
		stale_remember(r->files[handler]);
	if (r->look_at == MONO_NEVER)
		r->look_at = mono_ms() + STALE_MS;
}

static int
serve_spawn(struct requests *r, struct engine_proc *e, const struct ipc_msg *msg, int may_spawn)
{
	const struct handler_conf	*h;
	struct spawned			 sp;
	size_t				 running;

	if (!can_be_run(r->conf, msg) || child_by_id(e->index, msg->id) != NULL)
		return -1;
	h = &r->conf->handlers[msg->handler];
	if (!may_spawn) {
		send_failed(e, msg->id, ECANCELED, IPC_STAGE_FORK);
		return 0;
	}
	if ((running = child_count_handler(msg->handler)) >= h->processes) {
		refuse(r, e, msg);
		return 0;
	}
	watch_files(r, msg->handler, running);
	if (spawn(h, r->runtime->tmpdirs[msg->handler], (enum event_kind)msg->event, msg->env,
	    msg->env_len, e->cpu, &sp) == -1) {
		send_failed(e, msg->id, sp.error, sp.stage);
		return 0;
	}
	child_add(e->index, msg->id, sp.pid, msg->handler);
	send_spawned(e, msg->id, &sp);
	return 0;
}

static int
serve_kill(const struct engine_proc *e, const struct ipc_msg *msg)
{
	const struct child	*c;

	if (msg->value != SIGTERM && msg->value != SIGKILL)
		return -1;
	/* The process may have ended in the meantime. */
	if ((c = child_by_id(e->index, msg->id)) != NULL)
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
	case IPC_SPAWNED:
	case IPC_FAILED:
	case IPC_EXITED:
	case IPC_DRAIN:
	case IPC_ANSWER:
	case IPC_RECLAIM:
	case IPC_FREED:
	case IPC_STALE:
	case IPC_TYPE_COUNT:
		break;
	}
	return -1;
}

static void
look_at_files(struct requests *r, uint64_t now)
{
	uint32_t	 i;
	unsigned int	 engine;

	r->look_at = MONO_NEVER;
	for (i = 0; i < r->conf->nhandlers; i++) {
		if (r->files[i] == NULL || child_count_handler(i) == 0)
			continue;
		r->look_at = now + STALE_MS;
		if (!stale_check(r->files[i]))
			continue;
		log_debug("handler %s: its files have changed", r->conf->handlers[i].name);
		for (engine = 0; engine < r->conf->engines; engine++)
			send_about(&r->engines[engine], IPC_STALE, i);
	}
}

uint64_t
requests_run_timers(struct requests *r, uint64_t now)
{
	uint64_t	 next;
	int		 handler;

	while ((handler = quota_due(r->quota, now)) != -1)
		tell_of_room(r, (uint32_t)handler, now);
	if (r->look_at <= now)
		look_at_files(r, now);
	next = quota_next(r->quota);
	return r->look_at < next ? r->look_at : next;
}
