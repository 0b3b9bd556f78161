/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "child.h"
#include "requests.h"
#include "spawn.h"

/* The engine counts for itself; this is in case it counts wrongly. */
#define CHILD_RESERVE	4

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

void
requests_exited(struct engine_proc *e, uint64_t id, int status)
{
	struct ipc_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_EXITED;
	msg.id = id;
	msg.value = status;
	engine_proc_send(e, &msg, NULL, 0);
}

/* 1 if the configuration has something to run for this. */
static int
is_known(const struct conf *conf, const struct ipc_msg *msg)
{
	const struct handler_conf	*h;

	if (msg->handler >= conf->nhandlers || msg->event >= EV_COUNT)
		return 0;
	h = &conf->handlers[msg->handler];
	return h->command != NULL || h->hook_path[msg->event] != NULL;
}

static int
serve_spawn(const struct conf *conf, struct engine_proc *e,
    const struct ipc_msg *msg, int may_spawn)
{
	const struct handler_conf	*h;
	struct spawned			 sp;

	if (!is_known(conf, msg) || child_by_id(msg->id) != NULL)
		return -1;
	h = &conf->handlers[msg->handler];
	if (!may_spawn) {
		send_failed(e, msg->id, ECANCELED, IPC_STAGE_FORK);
		return 0;
	}
	if (child_count_handler(msg->handler) >= h->processes + CHILD_RESERVE) {
		send_failed(e, msg->id, EAGAIN, IPC_STAGE_FORK);
		return 0;
	}
	if (spawn(h, (enum event_kind)msg->event, msg->env, msg->env_len,
	    &sp) == -1) {
		send_failed(e, msg->id, sp.error, sp.stage);
		return 0;
	}
	child_add(msg->id, sp.pid, msg->handler);
	send_spawned(e, msg->id, &sp);
	return 0;
}

static int
serve_kill(const struct ipc_msg *msg)
{
	const struct child	*c;

	if (msg->value != SIGTERM && msg->value != SIGKILL)
		return -1;
	/* It may have ended meanwhile. */
	if ((c = child_by_id(msg->id)) != NULL)
		child_signal(c, msg->value);
	return 0;
}

int
requests_serve(const struct conf *conf, struct engine_proc *e,
    const struct ipc_msg *msg, int may_spawn)
{
	switch (msg->type) {
	case IPC_SPAWN:
		return serve_spawn(conf, e, msg, may_spawn);
	case IPC_KILL:
		return serve_kill(msg);
	case IPC_READY:
	case IPC_SPAWNED:
	case IPC_FAILED:
	case IPC_EXITED:
	case IPC_DRAIN:
	case IPC_TYPE_COUNT:
		break;
	}
	return -1;
}
