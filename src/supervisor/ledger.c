/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/ledger.c: counters that outlive engines and configurations.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "supervisor/child.h"
#include "supervisor/ledger.h"

struct handler_entry {
	char			*name;		/* NULL: the number is free */
	unsigned int		 users;		/* configurations that have it */
	unsigned int		 processes;	/* how many it may have */
	struct control_life	 life;
	struct numbers_handler	 numbers;
};

struct listener_entry {
	TAILQ_ENTRY(listener_entry) entry;
	struct netaddr		 address;
	unsigned int		 users;
	struct numbers_listener	 numbers;
};

struct ledger {
	struct handler_entry	*handlers;
	uint32_t		 nhandlers;
	TAILQ_HEAD(, listener_entry) listeners;
	struct numbers_engine	 numbers;
};

struct ledger *
ledger_new(void)
{
	struct ledger	*l = xcalloc(1, sizeof(*l));

	TAILQ_INIT(&l->listeners);
	return l;
}

static void
forget_listener(struct ledger *l, struct listener_entry *e)
{
	TAILQ_REMOVE(&l->listeners, e, entry);
	free(e);
}

void
ledger_free(struct ledger *l)
{
	uint32_t	 i;

	for (i = 0; i < l->nhandlers; i++)
		free(l->handlers[i].name);
	while (!TAILQ_EMPTY(&l->listeners))
		forget_listener(l, TAILQ_FIRST(&l->listeners));
	free(l->handlers);
	free(l);
}

/* A number stands for another name only after the last process of the old one is gone. */
static int
is_free(const struct ledger *l, uint32_t i)
{
	return l->handlers[i].users == 0 && !child_has_any(i);
}

static uint32_t
find_handler(const struct ledger *l, const char *name)
{
	uint32_t	 i;

	for (i = 0; i < l->nhandlers; i++)
		if (l->handlers[i].users > 0 && strcmp(l->handlers[i].name, name) == 0)
			break;
	return i;
}

static uint32_t
make_handler(struct ledger *l, const char *name)
{
	uint32_t	 i = 0;

	while (i < l->nhandlers && !is_free(l, i))
		i++;
	if (i == l->nhandlers)
		l->handlers = xreallocarray(l->handlers, ++l->nhandlers, sizeof(*l->handlers));
	else
		free(l->handlers[i].name);
	memset(&l->handlers[i], 0, sizeof(l->handlers[i]));
	l->handlers[i].name = xstrdup(name);
	return i;
}

static uint32_t
enter_handler(struct ledger *l, const struct handler_conf *h)
{
	uint32_t	 i = find_handler(l, h->name);

	if (i == l->nhandlers) {
		i = make_handler(l, h->name);
		l->handlers[i].processes = h->processes;
	}
	l->handlers[i].users++;
	return i;
}

static struct listener_entry *
find_listener(const struct ledger *l, const struct netaddr *address)
{
	struct listener_entry	*e;

	TAILQ_FOREACH(e, &l->listeners, entry)
		if (netaddr_equal(&e->address, address))
			return e;
	return NULL;
}

static void
enter_listener(struct ledger *l, const struct netaddr *address)
{
	struct listener_entry	*e = find_listener(l, address);

	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
		e->address = *address;
		TAILQ_INSERT_TAIL(&l->listeners, e, entry);
	}
	e->users++;
}

uint32_t *
ledger_enter(struct ledger *l, const struct conf *conf)
{
	uint32_t	*numbers = xcalloc(conf->nhandlers, sizeof(*numbers));
	size_t		 i;

	for (i = 0; i < conf->nhandlers; i++)
		numbers[i] = enter_handler(l, &conf->handlers[i]);
	for (i = 0; i < conf->nlistens; i++)
		enter_listener(l, &conf->listens[i].addr);
	return numbers;
}

void
ledger_leave(struct ledger *l, const struct conf *conf, uint32_t *numbers)
{
	struct listener_entry	*e;
	size_t			 i;

	for (i = 0; i < conf->nhandlers; i++)
		l->handlers[numbers[i]].users--;
	for (i = 0; i < conf->nlistens; i++) {
		e = find_listener(l, &conf->listens[i].addr);
		if (e != NULL && --e->users == 0)
			forget_listener(l, e);
	}
	free(numbers);
}

void
ledger_set_limits(struct ledger *l, const struct conf *conf, const uint32_t *numbers)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		l->handlers[numbers[i]].processes = conf->handlers[i].processes;
}

uint32_t
ledger_size(const struct ledger *l)
{
	return l->nhandlers;
}

const char *
ledger_name(const struct ledger *l, uint32_t number)
{
	return l->handlers[number].name;
}

unsigned int
ledger_processes(const struct ledger *l, uint32_t number)
{
	return l->handlers[number].processes;
}

struct control_life *
ledger_life(struct ledger *l, uint32_t number)
{
	return &l->handlers[number].life;
}

void
ledger_add(struct ledger *l, const struct conf *conf, const uint32_t *numbers,
    const struct board *board)
{
	struct numbers_engine	 engine;
	struct numbers_listener	 listener;
	struct numbers_handler	 handler;
	struct listener_entry	*e;
	unsigned int		 i;

	board_sum(board, &engine);
	numbers_fold((void *)&l->numbers, (const void *)&engine, NUMBERS_OF(engine));
	for (i = 0; i < conf->nlistens; i++) {
		if ((e = find_listener(l, &conf->listens[i].addr)) == NULL)
			continue;
		board_sum_listener(board, i, &listener);
		numbers_fold((void *)&e->numbers, (const void *)&listener, NUMBERS_OF(listener));
	}
	for (i = 0; i < conf->nhandlers; i++) {
		board_sum_handler(board, i, &handler);
		numbers_fold((void *)&l->handlers[numbers[i]].numbers, (const void *)&handler,
		    NUMBERS_OF(handler));
	}
}

void
ledger_sum(const struct ledger *l, struct numbers_engine *sum)
{
	numbers_fold((void *)sum, (const void *)&l->numbers, NUMBERS_OF(*sum));
}

void
ledger_sum_listener(const struct ledger *l, const struct netaddr *address,
    struct numbers_listener *sum)
{
	const struct listener_entry	*e = find_listener(l, address);

	if (e != NULL)
		numbers_fold((void *)sum, (const void *)&e->numbers, NUMBERS_OF(*sum));
}

void
ledger_sum_handler(const struct ledger *l, uint32_t number, struct numbers_handler *sum)
{
	numbers_fold((void *)sum, (const void *)&l->handlers[number].numbers, NUMBERS_OF(*sum));
}
