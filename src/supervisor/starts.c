/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/starts.c: from the fork of a handler process until it is known
 * whether its program runs. Its user can stop it in between, or let it wait for a
 * file, so nothing here waits.
 */
#include "base/compat.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/stale.h"
#include "supervisor/starts.h"

static TAILQ_HEAD(, child) starting = TAILQ_HEAD_INITIALIZER(starting);
static size_t		   nstarting;

void
starts_add(struct child *c, const struct spawned *sp, uint64_t now)
{
	c->start = xcalloc(1, sizeof(*sp));
	*c->start = *sp;
	c->start_by = now + SPAWN_MS;
	TAILQ_INSERT_TAIL(&starting, c, starting);
	nstarting++;
}

size_t
starts_count(void)
{
	return nstarting;
}

void
starts_fill(struct pollfd *pfd)
{
	struct child	*c;

	TAILQ_FOREACH(c, &starting, starting) {
		pfd->fd = c->start->notes;
		pfd->events = POLLIN;
		pfd->revents = 0;
		pfd++;
	}
}

static void
settle(struct child *c, int runs, starts_over *over, void *arg)
{
	struct spawned	*sp = c->start;

	TAILQ_REMOVE(&starting, c, starting);
	nstarting--;
	over(arg, c, runs);
	c->start = NULL;
	spawn_close(sp);
	free(sp);
}

/* What was seen of its files is what later ones are compared with. */
static int
status(struct child *c)
{
	return spawn_status(c->start, c->files != NULL ? stale_remember : NULL, c->files);
}

void
starts_serve(const struct pollfd *pfd, size_t n, starts_over *over, void *arg)
{
	struct child	*c, *next;
	size_t		 i = 0;
	int		 ret;

	TAILQ_FOREACH_SAFE(c, &starting, starting, next) {
		if (i == n)
			return;
		if (pfd[i++].revents != 0 && (ret = status(c)) != 0)
			settle(c, ret == 1, over, arg);
	}
}

void
starts_settle(struct child *c, starts_over *over, void *arg)
{
	if (c->start != NULL)
		settle(c, status(c) != -1, over, arg);
}

void
starts_forget(void)
{
	struct child	*c;

	TAILQ_FOREACH(c, &starting, starting)
		spawn_close(c->start);
}

uint64_t
starts_run_timers(uint64_t now, starts_over *over, void *arg)
{
	struct child	*c;

	/* They have waited equally long, in this order. */
	while ((c = TAILQ_FIRST(&starting)) != NULL && c->start_by <= now) {
		c->start->error = ETIMEDOUT;
		c->start->stage = IPC_STAGE_EXEC;
		c->stuck = 1;
		settle(c, 0, over, arg);
	}
	return c == NULL ? MONO_NEVER : c->start_by;
}
