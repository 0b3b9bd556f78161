/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/generation.c: makes and frees a generation, and talks to its engines.
 */
#include "base/compat.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/generation.h"

static int
is_taken(const struct generation_list *all, unsigned int number)
{
	const struct generation	*g;
	unsigned int		 i;

	TAILQ_FOREACH(g, all, entry)
		for (i = 0; i < g->n; i++)
			if (g->engines[i].number == number)
				return 1;
	return 0;
}

static void
make_engines(struct generation *g, const struct generation_list *all)
{
	unsigned int	 i, number = 0;

	g->n = g->conf->engines;
	g->engines = xcalloc(g->n, sizeof(*g->engines));
	for (i = 0; i < g->n; i++, number++) {
		while (is_taken(all, number))
			number++;
		engine_proc_init(&g->engines[i], g, g->conf, i, number);
	}
}

struct generation *
generation_new(const struct generation_list *all, struct ledger *ledger, struct conf *conf,
    struct runtime *runtime, int *listen_fds, looks_changed *changed)
{
	static uint64_t		 last_id;
	struct generation	*g = xcalloc(1, sizeof(*g));

	g->id = ++last_id;
	g->end_at = MONO_NEVER;
	g->conf = conf;
	g->runtime = runtime;
	g->listen_fds = listen_fds;
	make_engines(g, all);
	g->board = board_new(conf);
	g->handlers = ledger_enter(ledger, conf);
	g->looks = looks_new(conf, g->id, g->handlers, changed, g);
	return g;
}

void
generation_free(struct generation *g, struct ledger *ledger)
{
	ledger_add(ledger, g->conf, g->handlers, g->board);
	looks_free(g->looks);
	ledger_leave(ledger, g->conf, g->handlers);
	board_free(g->board);
	runtime_free(g->runtime);
	conf_free(g->conf);
	free(g->listen_fds);
	free(g->engines);
	free(g);
}

unsigned int
generation_alive(const struct generation *g)
{
	unsigned int	 i, alive = 0;

	for (i = 0; i < g->n; i++)
		alive += g->engines[i].pid > 0;
	return alive;
}

int
generation_all_ready(const struct generation *g)
{
	unsigned int	 i;

	for (i = 0; i < g->n; i++)
		if (!g->engines[i].ready)
			return 0;
	return 1;
}

int
generation_has_retired(const struct generation *g)
{
	unsigned int	 i;

	for (i = 0; i < g->n; i++)
		if (g->engines[i].pid > 0 && !g->engines[i].retired)
			return 0;
	return 1;
}

void
generation_tell(struct generation *g, enum ipc_type type)
{
	struct ipc_msg	 msg = { .type = type };
	unsigned int	 i;

	for (i = 0; i < g->n; i++)
		engine_proc_send(&g->engines[i], &msg, NULL, 0);
}

void
generation_kill(struct generation *g)
{
	unsigned int	 i;

	for (i = 0; i < g->n; i++)
		engine_proc_kill(&g->engines[i]);
}

int
generation_handler(const struct generation *g, uint32_t number)
{
	size_t	 i;

	for (i = 0; i < g->conf->nhandlers; i++)
		if (g->handlers[i] == number)
			return (int)i;
	return -1;
}

/* The socket may be one of ours, too. */
static void
close_socket(const struct generation *ours, int fd)
{
	size_t	 i;

	for (i = 0; i < ours->conf->nlistens; i++)
		if (ours->listen_fds[i] == fd)
			return;
	if (fd != -1)
		(void)close(fd);
}

static void
forget(const struct generation *g, const struct generation *ours)
{
	size_t	 i;

	for (i = 0; g->listen_fds != NULL && i < g->conf->nlistens; i++)
		close_socket(ours, g->listen_fds[i]);
	for (i = 0; i < g->runtime->nhandlers; i++)
		if (g->runtime->spool_dirs[i].fd != -1)
			(void)close(g->runtime->spool_dirs[i].fd);
	if (g->runtime->record_fd != -1)
		(void)close(g->runtime->record_fd);
}

void
generation_forget_others(const struct generation_list *all, const struct generation *ours)
{
	const struct generation	*g;
	unsigned int		 i;

	TAILQ_FOREACH(g, all, entry) {
		for (i = 0; i < g->n; i++)
			engine_proc_forget(&g->engines[i]);
		looks_forget(g->looks);
		conf_forget_environment(g->conf);
		if (g != ours)
			forget(g, ours);
	}
}
