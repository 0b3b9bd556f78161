/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/looks.c: one process at a time looks at the files of all handlers that
 * run. If it hangs, the handler whose file it has not come back from is left
 * out, for as long as that process can't be ended.
 */
#include "base/compat.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/awake.h"
#include "supervisor/child.h"
#include "supervisor/looks.h"

#define EVERY_MS	1000	/* from the end of one look to the next */
#define LOOK_MS		5000	/* a look that takes longer hangs */

/* A file, as the process has it: by its place among all. */
struct place {
	uint32_t	 handler, index;
};

struct looks {
	const struct conf	*conf;
	uint64_t		 generation;
	const uint32_t		*numbers;
	looks_changed		*changed;
	void			*arg;
	struct stale		**files;	/* by handler; NULL where it doesn't matter */
	pid_t			*held_by;	/* by handler: a process that hangs there, or 0 */
	struct place		*places;	/* of the look that goes on */
	char			**paths;
	uint32_t		 n, done;
	struct spawned		 process;	/* that looks; notes -1: none does */
	uint64_t		 give_up_at;
	uint64_t		 next;		/* when to look again */
};

struct looks *
looks_new(const struct conf *conf, uint64_t generation, const uint32_t *numbers,
    looks_changed *changed, void *arg)
{
	struct looks	*l = xcalloc(1, sizeof(*l));
	size_t		 i, n = 0;

	l->conf = conf;
	l->generation = generation;
	l->numbers = numbers;
	l->changed = changed;
	l->arg = arg;
	l->files = xcalloc(conf->nhandlers, sizeof(*l->files));
	l->held_by = xcalloc(conf->nhandlers, sizeof(*l->held_by));
	for (i = 0; i < conf->nhandlers; i++)
		if (stale_matters(&conf->handlers[i])) {
			l->files[i] = stale_new(&conf->handlers[i]);
			n += stale_count(l->files[i]);
		}
	l->places = xcalloc(n + 1, sizeof(*l->places));
	l->paths = xcalloc(n + 1, sizeof(*l->paths));
	l->process.notes = -1;
	l->next = MONO_NEVER;
	return l;
}

void
looks_free(struct looks *l)
{
	size_t	 i;

	if (l->process.notes != -1) {
		(void)kill(l->process.pid, SIGKILL);
		spawn_close(&l->process);
	}
	for (i = 0; i < l->conf->nhandlers; i++)
		if (l->files[i] != NULL) {
			child_forget_files(l->files[i]);
			stale_free(l->files[i]);
		}
	free(l->files);
	free(l->held_by);
	free(l->places);
	free(l->paths);
	free(l);
}

struct stale *
looks_files(struct looks *l, uint32_t handler)
{
	return l->files[handler];
}

void
looks_wanted(struct looks *l, uint32_t handler, uint64_t now)
{
	if (l->files[handler] != NULL && l->next == MONO_NEVER && l->process.notes == -1)
		l->next = now + EVERY_MS;
}

static void
add_files(struct looks *l, uint32_t handler)
{
	uint32_t	 i;

	stale_begin(l->files[handler]);
	for (i = 0; i < stale_count(l->files[handler]); i++) {
		l->places[l->n].handler = handler;
		l->places[l->n].index = i;
		l->paths[l->n++] = l->conf->handlers[handler].command[i];
	}
}

static void
begin(struct looks *l, uint64_t now)
{
	uint32_t	 i;
	int		 running = 0;

	l->n = l->done = 0;
	l->next = MONO_NEVER;
	for (i = 0; i < l->conf->nhandlers; i++) {
		if (l->files[i] == NULL || child_count_handler_in(l->generation, l->numbers[i]) == 0)
			continue;
		running = 1;
		if (l->held_by[i] == 0)
			add_files(l, i);
	}
	l->paths[l->n] = NULL;
	if (running && (l->n == 0 || spawn_look(l->paths, &l->process) == -1))
		l->next = now + EVERY_MS;
	l->give_up_at = now + LOOK_MS;
}

static void
end(struct looks *l, uint64_t now)
{
	uint32_t	 i;

	spawn_close(&l->process);
	l->next = now + EVERY_MS;
	/* Once for each handler, at its first file. */
	for (i = 0; i < l->done; i++)
		if (l->places[i].index == 0 && stale_changed(l->files[l->places[i].handler]))
			l->changed(l->arg, l->places[i].handler);
}

static void
seen(void *arg, uint32_t index, const struct file_look *look)
{
	struct looks		*l = arg;
	const struct place	*p;

	if (index >= l->n)
		return;
	p = &l->places[index];
	stale_compare(l->files[p->handler], p->index, look);
	l->done = index + 1;
}

void
looks_forget(struct looks *l)
{
	if (l->process.notes != -1)
		spawn_close(&l->process);
}

void
looks_fill(const struct looks *l, struct pollfd *pfd)
{
	pfd->fd = l->process.notes;
	pfd->events = POLLIN;
	pfd->revents = 0;
}

void
looks_serve(struct looks *l, uint64_t now)
{
	if (l->process.notes != -1 && spawn_status(&l->process, seen, l) != 0)
		end(l, now);
}

/* The process may not be there any more when it is killed, but its number is: it was not reaped. */
static void
give_up(struct looks *l, uint64_t now)
{
	const struct place	*p = &l->places[l->done < l->n ? l->done : 0];

	log_msg(LOG_WARNING, NULL, "handler %s: %s takes too long to be looked at",
	    l->conf->handlers[p->handler].name, l->paths[p - l->places]);
	l->held_by[p->handler] = l->process.pid;
	(void)kill(l->process.pid, SIGKILL);
	end(l, now);
}

void
looks_reaped(struct looks *l, pid_t pid)
{
	size_t	 i;

	/* The notes of a looker that ended may not have been read yet. */
	if (l->process.notes != -1 && l->process.pid == pid)
		looks_serve(l, awake_ms());
	for (i = 0; i < l->conf->nhandlers; i++)
		if (l->held_by[i] == pid)
			l->held_by[i] = 0;
}

uint64_t
looks_run_timers(struct looks *l, uint64_t now)
{
	if (l->process.notes != -1 && l->give_up_at <= now)
		give_up(l, now);
	if (l->process.notes == -1 && l->next <= now)
		begin(l, now);
	return l->process.notes != -1 ? l->give_up_at : l->next;
}
