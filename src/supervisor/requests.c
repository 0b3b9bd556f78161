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
#include "supervisor/looks.h"
#include "supervisor/quota.h"
#include "supervisor/requests.h"
#include "supervisor/starts.h"
#include "system/spawn.h"

struct requests {
	const struct conf	*conf;
	const struct runtime	*runtime;
	struct engine_proc	*engines;
	struct quota		*quota;
	struct looks		*looks;
	struct control_life	*lives;		/* one for each of conf->handlers */
};

static void	 files_changed(void *, uint32_t);

struct requests *
requests_new(const struct conf *conf, const struct runtime *runtime, struct engine_proc *engines)
{
	struct requests	*r = xcalloc(1, sizeof(*r));

	r->conf = conf;
	r->runtime = runtime;
	r->engines = engines;
	r->quota = quota_new((unsigned int)conf->nhandlers, conf->engines);
	r->lives = xcalloc(conf->nhandlers, sizeof(*r->lives));
	r->looks = looks_new(conf, files_changed, r);
	return r;
}

void
requests_free(struct requests *r)
{
	looks_free(r->looks);
	quota_free(r->quota);
	free(r->lives);
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

/* starts_over() */
static void
start_over(void *arg, struct child *c, int runs)
{
	struct requests		*r = arg;
	struct engine_proc	*e = &r->engines[c->engine];

	if (!runs) {
		if (!c->orphan)
			send_failed(e, c->id, c->start->error, c->start->stage);
		child_drop(c, mono_ms());
		return;
	}
	c->ran = 1;
	r->lives[c->handler].starts++;
	if (c->orphan)
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

const struct control_life *
requests_life(const struct requests *r, uint32_t handler)
{
	return &r->lives[handler];
}

void
requests_exited(struct requests *r, struct child *c, int status, const struct rusage *used)
{
	uint32_t	 handler = c->handler;

	starts_settle(c, start_over, r);
	if (c->ran)
		count_end(&r->lives[handler], status, used);
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

static int
serve_spawn(struct requests *r, struct engine_proc *e, const struct ipc_msg *msg, int may_spawn)
{
	const struct handler_conf	*h;
	struct stale			*files;
	struct spawned			 sp;
	struct child			*c;
	uint64_t			 now;
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
	/* If none runs, none is left that was made of older files. */
	files = running == 0 ? looks_files(r->looks, msg->handler) : NULL;
	if (spawn_begin(h, r->runtime->tmpdirs[msg->handler], (enum event_kind)msg->event,
	    msg->env, msg->env_len, e->cpu, files != NULL, &sp) == -1) {
		send_failed(e, msg->id, sp.error, sp.stage);
		return 0;
	}
	now = mono_ms();
	c = child_add(e->index, msg->id, sp.pid, msg->handler);
	c->files = files;
	starts_add(c, &sp, now);
	looks_wanted(r->looks, msg->handler, now);
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
	case IPC_WATCH:
	case IPC_UNWATCH:
	case IPC_TYPE_COUNT:
		break;
	}
	return -1;
}

/* looks_changed() */
static void
files_changed(void *arg, uint32_t handler)
{
	struct requests	*r = arg;
	unsigned int	 engine;

	log_debug("handler %s: its files have changed", r->conf->handlers[handler].name);
	for (engine = 0; engine < r->conf->engines; engine++)
		send_about(&r->engines[engine], IPC_STALE, handler);
}

size_t
requests_poll_count(void)
{
	return starts_count() + 1;
}

void
requests_fill(const struct requests *r, struct pollfd *pfds)
{
	starts_fill(pfds);
	looks_fill(r->looks, &pfds[starts_count()]);
}

void
requests_serve_starts(struct requests *r, const struct pollfd *pfds, size_t n)
{
	if (pfds[n - 1].revents != 0)
		looks_serve(r->looks, mono_ms());
	starts_serve(pfds, n - 1, start_over, r);
}

void
requests_reaped(struct requests *r, pid_t pid)
{
	looks_reaped(r->looks, pid);
}

uint64_t
requests_run_timers(struct requests *r, uint64_t now)
{
	uint64_t	 next, t;
	int		 handler;

	while ((handler = quota_due(r->quota, now)) != -1)
		tell_of_room(r, (uint32_t)handler, now);
	next = quota_next(r->quota);
	if ((t = starts_run_timers(now, start_over, r)) < next)
		next = t;
	if ((t = looks_run_timers(r->looks, now)) < next)
		next = t;
	return next;
}
