/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_proc.c: starts one engine and sends it messages.
 */
#include "base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/syslog.h"
#include "base/xmalloc.h"
#include "supervisor/awake.h"
#include "supervisor/engine_proc.h"
#include "supervisor/guard.h"
#include "system/pin.h"

#define DELAY_MIN_MS	1000
#define DELAY_MAX_MS	30000
#define STABLE_MS	60000	/* an engine that lived this long is restarted without delay */

/* Messages that wait for an engine before one with a copy of a descriptor is dropped. */
#define MAX_COPIES	16

/* A message that waits for room. */
struct outgoing {
	TAILQ_ENTRY(outgoing)	 entry;
	struct ipc_msg		 msg;
	int			 fds[IPC_MAX_FDS];
	int			 nfds;
	char			*env;		/* of msg, or NULL */
};

void
engine_proc_init(struct engine_proc *e, struct generation *g, const struct conf *conf,
    unsigned int index, unsigned int number)
{
	memset(e, 0, sizeof(*e));
	e->generation = g;
	e->index = index;
	e->number = number;
	e->polled = -1;
	if (conf->engines == 1 && number == 0)
		(void)strlcpy(e->name, "engine", sizeof(e->name));
	else
		(void)snprintf(e->name, sizeof(e->name), "engine %u", number + 1);
	e->cpu = conf->pin ? pin_cpu(index) : -1;
	e->pid = -1;
	e->guarded = -1;
	e->fd = -1;
	e->log_fd = -1;
	e->kill_at = MONO_NEVER;
	e->delay = DELAY_MIN_MS;
	TAILQ_INIT(&e->queue);
}

static void
outgoing_close(struct outgoing *o)
{
	int	 i;

	for (i = 0; i < o->nfds; i++)
		close(o->fds[i]);
	o->nfds = 0;
}

static void
outgoing_drop(struct engine_proc *e, struct outgoing *o)
{
	TAILQ_REMOVE(&e->queue, o, entry);
	e->nqueued--;
	outgoing_close(o);
	free(o->env);
	free(o);
}

void
engine_proc_hang_up(struct engine_proc *e)
{
	if (e->fd != -1)
		ipc_close(e->fd);
	e->fd = -1;
}

static void
drop_channel(struct engine_proc *e)
{
	struct outgoing	*o;

	while ((o = TAILQ_FIRST(&e->queue)) != NULL)
		outgoing_drop(e, o);
	engine_proc_hang_up(e);
	if (e->log_fd != -1)
		close(e->log_fd);
	e->log_fd = -1;
}

void
engine_proc_forget(struct engine_proc *e)
{
	drop_channel(e);
}

int
engine_proc_start(struct engine_proc *e, engine_proc_run *run, void *arg)
{
	int	 fds[2], log_fd;

	e->started = mono_ms();
	e->starts++;
	e->ready = e->retired = 0;
	while ((e->run = arc4random()) == 0)
		;
	e->requests = ENGINE_BURST;
	e->counted = awake_ms();
	e->still = 0;
	if (ipc_pair(fds) == -1) {
		log_warn("socketpair");
		return -1;
	}
	log_fd = syslog_socket();
	if ((e->pid = fork()) == -1) {
		log_warn("fork of the %s", e->name);
		if (log_fd != -1)
			close(log_fd);
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (e->pid == 0) {
		close(fds[0]);
		run(e, fds[1], log_fd, arg);
	}
	e->guarded = guard_add_engine(e->pid);
	close(fds[1]);
	e->fd = fds[0];
	e->log_fd = log_fd;
	log_debug("%s started as pid %d", e->name, (int)e->pid);
	return 0;
}

void
engine_proc_kill(const struct engine_proc *e)
{
	if (e->pid > 0 && kill(e->pid, SIGKILL) == -1)
		log_warn("kill of the %s", e->name);
}

void
engine_proc_flush(struct engine_proc *e)
{
	struct outgoing	*o;
	int		 ret;

	while ((o = TAILQ_FIRST(&e->queue)) != NULL && e->fd != -1) {
		ret = ipc_send(e->fd, &o->msg, o->fds, o->nfds);
		if (ret == 0)
			return;
		/* EPIPE: the engine's end will be seen soon, and logged then. */
		if (ret == -1 && errno != EPIPE)
			log_warn("message to the %s", e->name);
		outgoing_drop(e, o);
	}
}

void
engine_proc_send(struct engine_proc *e, const struct ipc_msg *msg,
    const int *fds, int nfds)
{
	struct outgoing	*o = xcalloc(1, sizeof(*o));
	int		 i;

	o->msg = *msg;
	if (msg->env_len > 0) {
		o->msg.env = o->env = xmalloc(msg->env_len);
		memcpy(o->env, msg->env, msg->env_len);
	}
	for (i = 0; i < nfds; i++)
		o->fds[i] = fds[i];
	o->nfds = nfds;
	TAILQ_INSERT_TAIL(&e->queue, o, entry);
	e->nqueued++;
	if (e->fd == -1)
		outgoing_drop(e, o);
	else
		engine_proc_flush(e);
}

void
engine_proc_send_copy(struct engine_proc *e, const struct ipc_msg *msg, int fd)
{
	int	 copy;

	if (fd == -1) {
		engine_proc_send(e, msg, NULL, 0);
		return;
	}
	if (e->fd == -1 || e->nqueued >= MAX_COPIES)
		return;
	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1) {
		log_warn("a descriptor for the %s", e->name);
		return;
	}
	engine_proc_send(e, msg, &copy, 1);
}

/* A bucket that fills with the time, and each request takes from. */
int
engine_proc_may_ask(struct engine_proc *e, uint64_t now)
{
	if (now > e->counted) {
		e->requests += (now - e->counted) * ENGINE_RATE / 1000;
		if (e->requests > ENGINE_BURST)
			e->requests = ENGINE_BURST;
		e->counted = now;
	}
	if (e->requests == 0)
		return 0;
	e->requests--;
	return 1;
}

int
engine_proc_is_still(const struct engine_proc *e)
{
	return e->still >= ENGINE_STILL;
}

void
engine_proc_gone(struct engine_proc *e)
{
	uint64_t	 lived = mono_ms() - e->started;

	drop_channel(e);
	e->pid = -1;
	e->kill_at = MONO_NEVER;
	e->ready = 0;
	e->restart_at = awake_ms() + (lived < e->delay ? e->delay - lived : 0);
	e->delay = e->delay < DELAY_MAX_MS / 2 ? e->delay * 2 : DELAY_MAX_MS;
	if (lived >= STABLE_MS)
		e->delay = DELAY_MIN_MS;
}
