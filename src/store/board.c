/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/board.c: counters in shared memory, changed by atomic operations.
 */
#include "base/compat.h"

#include <sys/mman.h>

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "store/board.h"
#include "store/shared.h"

struct listener {
	uint64_t		 connections;	/* of the engine */
	struct numbers_listener	 numbers;
};

struct handler {
	struct numbers_load	 load;
	struct numbers_handler	 numbers;
};

/* Next come the handlers. */
struct row {
	uint64_t		 kept;		/* bytes of messages that the engine keeps */
	uint64_t		 turns;		/* of the engine's loop */
	uint64_t		 sessions;
	struct numbers_engine	 numbers;
	struct listener		 listeners[];
};

/* An engine can't see a board that is newer than itself, so the supervisor looks for it. */
struct shared {
	uint64_t		 newer;		/* bytes that engines of newer boards keep */
	uint64_t		 limit;		/* of bytes that are kept, in all boards together */
};

/*
 * A row is memory of its own, mapped twice: to be written, and to be read. Its
 * engine writes it, the supervisor only when that one is gone; every other engine
 * unmaps what could be written, and must not be able to get that again. So what
 * is for reading is mapped under a seal that forbids writing for ever, and no two
 * rows are one file, as a mapping can be made longer. Where the rows are each
 * process has for itself: an engine must not tell the supervisor where to write.
 */
struct board {
	TAILQ_ENTRY(board)	 entry;
	unsigned int	 rows, columns, handlers;
	uint64_t	 connections;	/* at most, of a listener */
	size_t		 size;		/* of a row */
	struct netaddr	*addresses;	/* of the listeners */
	struct shared	*told;		/* what the supervisor tells; NULL where it may not be written */
	const struct shared *shared;	/* the same, to be read */
	struct row	**ours;		/* to be written; NULL where this process may not */
	const struct row **all;		/* to be read */
	struct slots	**slots;	/* processes of each engine */
};

/* The oldest comes first. */
static TAILQ_HEAD(board_list, board) boards = TAILQ_HEAD_INITIALIZER(boards);

/* Numbers of a process that is no engine. */
static struct numbers_engine	 nobodys;
static struct numbers_engine	*own = &nobodys;

/* An engine may have all processes of all handlers. */
static size_t
count_slots(const struct conf *conf)
{
	size_t	 i, n = 0;

	for (i = 0; i < conf->nhandlers; i++)
		n += conf->handlers[i].processes;
	return n;
}

static void
copy_addresses(struct board *b, const struct conf *conf)
{
	size_t	 i;

	b->addresses = xcalloc(conf->nlistens + 1, sizeof(*b->addresses));
	for (i = 0; i < conf->nlistens; i++)
		b->addresses[i] = conf->listens[i].addr;
}

struct board *
board_new(const struct conf *conf)
{
	struct board	*b = xcalloc(1, sizeof(*b));
	const void	*all;
	unsigned int	 i;

	b->rows = conf->engines;
	b->columns = (unsigned int)conf->nlistens;
	b->connections = conf->connections;
	b->handlers = (unsigned int)conf->nhandlers;
	b->size = sizeof(struct row) + conf->nlistens * sizeof(struct listener) +
	    conf->nhandlers * sizeof(struct handler);
	b->ours = xcalloc(b->rows, sizeof(*b->ours));
	b->all = xcalloc(b->rows, sizeof(*b->all));
	b->slots = xcalloc(b->rows, sizeof(*b->slots));
	for (i = 0; i < b->rows; i++) {
		b->ours[i] = shared_map(b->size, &all);
		b->all[i] = all;
		b->slots[i] = slots_new(count_slots(conf));
	}
	b->told = shared_map(sizeof(*b->told), &all);
	b->shared = all;
	b->told->limit = conf->spool_limit;
	copy_addresses(b, conf);
	TAILQ_INSERT_TAIL(&boards, b, entry);
	return b;
}

static void
unmap_ours(struct board *b, unsigned int i)
{
	if (b->ours[i] != NULL)
		(void)munmap(b->ours[i], b->size);
	b->ours[i] = NULL;
}

static void
unmap_told(struct board *b)
{
	if (b->told != NULL)
		(void)munmap(b->told, sizeof(*b->told));
	b->told = NULL;
}

void
board_free(struct board *b)
{
	unsigned int	 i;

	TAILQ_REMOVE(&boards, b, entry);
	unmap_told(b);
	(void)munmap((void *)(uintptr_t)b->shared, sizeof(*b->shared));
	free(b->addresses);
	for (i = 0; i < b->rows; i++) {
		unmap_ours(b, i);
		(void)munmap((void *)(uintptr_t)b->all[i], b->size);
		slots_free(b->slots[i]);
	}
	own = &nobodys;
	free(b->slots);
	free(b->ours);
	free(b->all);
	free(b);
}

void
board_become(struct board *b, unsigned int engine)
{
	struct board	*other;
	unsigned int	 i;

	TAILQ_FOREACH(other, &boards, entry) {
		for (i = 0; i < other->rows; i++)
			if (other != b || i != engine) {
				unmap_ours(other, i);
				slots_leave(other->slots[i]);
			}
		unmap_told(other);
	}
	own = board_numbers(b, engine);
}

static struct row *
own_row(struct board *b, unsigned int engine)
{
	if (engine >= b->rows || b->ours[engine] == NULL)
		fatalx("board: engine %u", engine);
	return b->ours[engine];
}

static const struct listener *
listener_of(const struct board *b, const struct row *row, unsigned int listener)
{
	if (listener >= b->columns)
		fatalx("board: listener %u", listener);
	return &row->listeners[listener];
}

static const struct handler *
handler_of(const struct board *b, const struct row *row, unsigned int handler)
{
	const struct handler	*handlers = (const void *)&row->listeners[b->columns];

	if (handler >= b->handlers)
		fatalx("board: handler %u", handler);
	return &handlers[handler];
}

static struct listener *
own_listener(struct board *b, unsigned int engine, unsigned int listener)
{
	return (void *)(uintptr_t)listener_of(b, own_row(b, engine), listener);
}

static struct handler *
own_handler(struct board *b, unsigned int engine, unsigned int handler)
{
	return (void *)(uintptr_t)handler_of(b, own_row(b, engine), handler);
}

/* Whatever a row says, it is no more than all may have: a sum never wraps around. */
static uint64_t
bounded(uint64_t n, uint64_t most)
{
	return n < most ? n : most;
}

unsigned int
board_connections_here(const struct board *b, unsigned int listener)
{
	uint64_t	 n = 0;
	unsigned int	 i;

	for (i = 0; i < b->rows; i++)
		n += bounded(__atomic_load_n(&listener_of(b, b->all[i], listener)->connections,
		    __ATOMIC_RELAXED), b->connections);
	return (unsigned int)bounded(n, UINT_MAX);
}

int
board_has_older(const struct board *b)
{
	return TAILQ_FIRST(&boards) != b;
}

/* The column of an address, or -1. */
static int
find_column(const struct board *b, const struct netaddr *na)
{
	unsigned int	 i;

	for (i = 0; i < b->columns; i++)
		if (netaddr_equal(&b->addresses[i], na))
			return (int)i;
	return -1;
}

unsigned int
board_connections(const struct board *b, unsigned int listener)
{
	const struct board	*other;
	uint64_t		 n = 0;
	int			 column;

	TAILQ_FOREACH(other, &boards, entry) {
		if (other == b)
			break;
		if ((column = find_column(other, &b->addresses[listener])) != -1)
			n += board_connections_here(other, (unsigned int)column);
	}
	return (unsigned int)bounded(n + board_connections_here(b, listener), UINT_MAX);
}

void
board_connected(struct board *b, unsigned int engine, unsigned int listener)
{
	numbers_add(&own_listener(b, engine, listener)->connections, 1);
}

void
board_disconnected(struct board *b, unsigned int engine, unsigned int listener)
{
	numbers_add(&own_listener(b, engine, listener)->connections, (uint64_t)-1);
}

/* Bytes that the engines of a board keep, each limit + 1 at most. */
static uint64_t
kept_here(const struct board *b, uint64_t limit)
{
	uint64_t	 n = 0;
	unsigned int	 i;

	for (i = 0; i < b->rows; i++)
		n += bounded(__atomic_load_n(&b->all[i]->kept, __ATOMIC_SEQ_CST), limit + 1);
	return n;
}

void
board_share(uint64_t limit)
{
	struct board	*b;
	uint64_t	 newer = 0;

	TAILQ_FOREACH_REVERSE(b, &boards, board_list, entry) {
		__atomic_store_n(&b->told->newer, newer, __ATOMIC_SEQ_CST);
		__atomic_store_n(&b->told->limit, limit, __ATOMIC_SEQ_CST);
		newer += kept_here(b, limit);
	}
}

int
board_keep(struct board *b, unsigned int engine, uint64_t n)
{
	uint64_t		 limit = __atomic_load_n(&b->shared->limit, __ATOMIC_SEQ_CST), all;
	const struct board	*other;

	/*
	 * Add first, and look then: if two engines take the last bytes at the
	 * same time, at least one of them sees the other.
	 */
	(void)__atomic_add_fetch(&own_row(b, engine)->kept, n, __ATOMIC_SEQ_CST);
	all = kept_here(b, limit) + __atomic_load_n(&b->shared->newer, __ATOMIC_SEQ_CST);
	TAILQ_FOREACH(other, &boards, entry) {
		if (other == b)
			break;
		all += kept_here(other, limit);
	}
	if (all <= limit)
		return 1;
	board_drop(b, engine, n);
	return 0;
}

void
board_drop(struct board *b, unsigned int engine, uint64_t n)
{
	(void)__atomic_sub_fetch(&own_row(b, engine)->kept, n, __ATOMIC_SEQ_CST);
}

void
board_turn(struct board *b, unsigned int engine)
{
	(void)__atomic_add_fetch(&own_row(b, engine)->turns, 1, __ATOMIC_RELAXED);
}

uint64_t
board_turns(const struct board *b, unsigned int engine)
{
	if (engine >= b->rows)
		fatalx("board: engine %u", engine);
	return __atomic_load_n(&b->all[engine]->turns, __ATOMIC_RELAXED);
}

void
board_forget(struct board *b, unsigned int engine)
{
	unsigned int	 i;

	for (i = 0; i < b->columns; i++)
		__atomic_store_n(&own_listener(b, engine, i)->connections, 0, __ATOMIC_RELAXED);
	for (i = 0; i < b->handlers; i++)
		memset(board_load(b, engine, i), 0, sizeof(struct numbers_load));
	__atomic_store_n(&own_row(b, engine)->kept, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&own_row(b, engine)->turns, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&own_row(b, engine)->sessions, 0, __ATOMIC_RELAXED);
}

struct numbers_engine *
board_numbers(struct board *b, unsigned int engine)
{
	return &own_row(b, engine)->numbers;
}

struct numbers_engine *
board_own(void)
{
	return own;
}

struct numbers_listener *
board_listener(struct board *b, unsigned int engine, unsigned int listener)
{
	return &own_listener(b, engine, listener)->numbers;
}

struct numbers_handler *
board_handler(struct board *b, unsigned int engine, unsigned int handler)
{
	return &own_handler(b, engine, handler)->numbers;
}

struct numbers_load *
board_load(struct board *b, unsigned int engine, unsigned int handler)
{
	return &own_handler(b, engine, handler)->load;
}

struct slots *
board_slots(const struct board *b, unsigned int engine)
{
	if (engine >= b->rows)
		fatalx("board: engine %u", engine);
	return b->slots[engine];
}

void
board_note_sessions(struct board *b, unsigned int engine, unsigned int n)
{
	__atomic_store_n(&own_row(b, engine)->sessions, n, __ATOMIC_RELAXED);
}

void
board_sum(const struct board *b, struct numbers_engine *sum)
{
	unsigned int	 i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < b->rows; i++)
		numbers_add_all((void *)sum, (const void *)&b->all[i]->numbers, NUMBERS_OF(*sum));
}

void
board_sum_listener(const struct board *b, unsigned int listener, struct numbers_listener *sum)
{
	unsigned int	 i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < b->rows; i++)
		numbers_add_all((void *)sum,
		    (const void *)&listener_of(b, b->all[i], listener)->numbers, NUMBERS_OF(*sum));
}

void
board_sum_handler(const struct board *b, unsigned int handler, struct numbers_handler *sum)
{
	unsigned int	 i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < b->rows; i++)
		numbers_add_all((void *)sum,
		    (const void *)&handler_of(b, b->all[i], handler)->numbers, NUMBERS_OF(*sum));
}

void
board_sum_load(const struct board *b, unsigned int handler, struct numbers_load *sum)
{
	uint64_t	 latest = 0, until;
	unsigned int	 i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < b->rows; i++) {
		numbers_add_all((void *)sum,
		    (const void *)&handler_of(b, b->all[i], handler)->load, NUMBERS_OF(*sum));
		until = __atomic_load_n(&handler_of(b, b->all[i], handler)->load.backoff_until,
		    __ATOMIC_RELAXED);
		if (until > latest)
			latest = until;
	}
	sum->backoff_until = latest;
}

uint64_t
board_kept(const struct board *b)
{
	return kept_here(b, __atomic_load_n(&b->shared->limit, __ATOMIC_RELAXED));
}

unsigned int
board_connections_of(const struct board *b, unsigned int engine)
{
	uint64_t	 n = 0;
	unsigned int	 i;

	if (engine >= b->rows)
		fatalx("board: engine %u", engine);
	for (i = 0; i < b->columns; i++)
		n += bounded(__atomic_load_n(&b->all[engine]->listeners[i].connections,
		    __ATOMIC_RELAXED), b->connections);
	return (unsigned int)bounded(n, UINT_MAX);
}

uint64_t
board_sessions_of(const struct board *b, unsigned int engine)
{
	if (engine >= b->rows)
		fatalx("board: engine %u", engine);
	return bounded(__atomic_load_n(&b->all[engine]->sessions, __ATOMIC_RELAXED), UINT_MAX);
}
