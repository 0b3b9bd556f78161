/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/child.c: the table of handler processes that run.
 */
#include "base/compat.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/child.h"
#include "supervisor/guard.h"

static TAILQ_HEAD(, child) children = TAILQ_HEAD_INITIALIZER(children);
static size_t		   nchildren;

struct child *
child_add(unsigned int engine, uint64_t id, pid_t pid, uint32_t handler)
{
	struct child	*c = xcalloc(1, sizeof(*c));

	c->engine = engine;
	c->id = id;
	c->pid = pid;
	c->handler = handler;
	c->guarded = guard_add(pid);
	c->kill_at = c->dead_by = MONO_NEVER;
	TAILQ_INSERT_TAIL(&children, c, entry);
	nchildren++;
	return c;
}

struct child *
child_by_id(unsigned int engine, uint64_t id)
{
	struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		if (c->id == id && c->engine == engine && !c->orphan)
			return c;
	return NULL;
}

struct child *
child_by_pid(pid_t pid)
{
	struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		if (c->pid == pid)
			return c;
	return NULL;
}

void
child_remove(struct child *c)
{
	TAILQ_REMOVE(&children, c, entry);
	guard_remove(c->guarded);
	if (!c->given_up)
		nchildren--;
	free(c);
}

size_t
child_count(void)
{
	return nchildren;
}

size_t
child_count_handler(uint32_t handler)
{
	struct child	*c;
	size_t		 n = 0;

	TAILQ_FOREACH(c, &children, entry)
		if (c->handler == handler && (!c->orphan || c->stuck))
			n++;
	return n;
}

size_t
child_count_handler_of(unsigned int engine, uint32_t handler)
{
	struct child	*c;
	size_t		 n = 0;

	TAILQ_FOREACH(c, &children, entry)
		if (c->handler == handler && c->engine == engine && !c->orphan)
			n++;
	return n;
}

size_t
child_count_handler_in(uint64_t generation, uint32_t handler)
{
	struct child	*c;
	size_t		 n = 0;

	TAILQ_FOREACH(c, &children, entry)
		if (c->handler == handler && c->generation == generation && !c->orphan)
			n++;
	return n;
}

int
child_has_any(uint32_t handler)
{
	struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		if (c->handler == handler)
			return 1;
	return 0;
}

void
child_forget_files(const struct stale *files)
{
	struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		if (c->files == files)
			c->files = NULL;
}

void
child_each(uint32_t handler, void (*fn)(const struct child *, void *arg), void *arg)
{
	const struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		if (c->handler == handler)
			fn(c, arg);
}

void
child_signal(const struct child *c, int sig)
{
	/* kill(-1) and kill(0) would reach everybody. */
	if (c->pid <= 1)
		fatalx("child_signal: pid %d", (int)c->pid);
	if (kill(-c->pid, sig) == -1 && errno != ESRCH)
		log_warn("kill of process group %d", (int)c->pid);
}

static void
end_child(struct child *c, uint64_t now, uint64_t grace)
{
	if (!c->orphan && grace > 0)
		child_signal(c, SIGTERM);
	if (!c->orphan)
		c->orphan_since = now;
	c->orphan = 1;
	if (c->kill_at > now + grace)
		c->kill_at = now + grace;
}

void
child_end_all(uint64_t now, uint64_t grace)
{
	struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		end_child(c, now, grace);
	(void)child_run_timers(now);
}

void
child_end_engine(unsigned int engine, uint64_t now, uint64_t grace)
{
	struct child	*c;

	TAILQ_FOREACH(c, &children, entry)
		if (c->engine == engine && !c->orphan)
			end_child(c, now, grace);
	(void)child_run_timers(now);
}

void
child_drop(struct child *c, uint64_t now)
{
	end_child(c, now, 0);
	(void)child_run_timers(now);
}

/* What a file system of its own does not answer holds a process in spite of KILL. */
static void
give_up(struct child *c)
{
	log_msg(LOG_WARNING, NULL, "process %d does not end, though it was killed", (int)c->pid);
	if (!c->given_up)
		nchildren--;
	c->given_up = 1;
}

/* Returns when this one has something due next. */
static uint64_t
run_timers_of(struct child *c, uint64_t now)
{
	if (c->kill_at <= now) {
		child_signal(c, SIGKILL);
		c->kill_at = MONO_NEVER;
		c->dead_by = now + CHILD_DEAD_MS;
	} else if (c->dead_by <= now) {
		give_up(c);
		c->dead_by = MONO_NEVER;
	}
	return c->kill_at < c->dead_by ? c->kill_at : c->dead_by;
}

uint64_t
child_run_timers(uint64_t now)
{
	struct child	*c;
	uint64_t	 next = MONO_NEVER, t;

	TAILQ_FOREACH(c, &children, entry)
		if ((t = run_timers_of(c, now)) < next)
			next = t;
	return next;
}
