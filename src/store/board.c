/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/board.c: counters in shared memory, changed by atomic operations.
 */
#include "base/compat.h"

#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "store/board.h"

#define LINE	64u	/* bytes of a cache line */

struct row {
	uint64_t	 kept;		/* bytes of messages that the engine keeps */
	unsigned int	 counts[];	/* connections of the engine, one for each listener */
};

/*
 * Each row begins at a cache line of its own, so that engines do not slow each
 * other down. An engine writes its own row; the supervisor writes it only when
 * the engine is gone. This struct is private to each process: an engine must
 * not be able to tell the supervisor where to write.
 */
struct board {
	unsigned int	 rows, columns;
	size_t		 stride;	/* bytes from one row to the next */
	uint64_t	 limit;		/* of `kept' in all rows together */
	unsigned char	*bytes;		/* the rows, in memory that all processes share */
	size_t		 size;		/* bytes of them */
};

struct board *
board_new(const struct conf *conf)
{
	struct board	*b = xcalloc(1, sizeof(*b));
	size_t		 stride;

	stride = sizeof(struct row) + conf->nlistens * sizeof(unsigned int);
	stride = (stride + LINE - 1) / LINE * LINE;
	b->size = conf->engines * stride;
	b->bytes = mmap(NULL, b->size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->bytes == MAP_FAILED)
		fatal("mmap");
	b->rows = conf->engines;
	b->columns = (unsigned int)conf->nlistens;
	b->stride = stride;
	b->limit = conf->spool_limit;
	return b;
}

void
board_free(struct board *b)
{
	(void)munmap(b->bytes, b->size);
	free(b);
}

static struct row *
own_row(struct board *b, unsigned int engine)
{
	if (engine >= b->rows)
		fatalx("board: engine %u", engine);
	return (struct row *)(void *)(b->bytes + engine * b->stride);
}

static const struct row *
row_to_read(const struct board *b, unsigned int engine)
{
	return (const struct row *)(const void *)(b->bytes + engine * b->stride);
}

static unsigned int *
count_at(struct board *b, unsigned int engine, unsigned int listener)
{
	if (listener >= b->columns)
		fatalx("board: listener %u", listener);
	return &own_row(b, engine)->counts[listener];
}

unsigned int
board_connections(const struct board *b, unsigned int listener)
{
	unsigned int	 i, n = 0;

	if (listener >= b->columns)
		fatalx("board: listener %u", listener);
	for (i = 0; i < b->rows; i++)
		n += __atomic_load_n(&row_to_read(b, i)->counts[listener], __ATOMIC_RELAXED);
	return n;
}

void
board_connected(struct board *b, unsigned int engine, unsigned int listener)
{
	(void)__atomic_add_fetch(count_at(b, engine, listener), 1, __ATOMIC_RELAXED);
}

void
board_disconnected(struct board *b, unsigned int engine, unsigned int listener)
{
	(void)__atomic_sub_fetch(count_at(b, engine, listener), 1, __ATOMIC_RELAXED);
}

int
board_keep(struct board *b, unsigned int engine, uint64_t n)
{
	uint64_t	 all = 0;
	unsigned int	 i;

	/*
	 * Add first, and look then: if two engines take the last bytes at the
	 * same time, at least one of them sees the other.
	 */
	(void)__atomic_add_fetch(&own_row(b, engine)->kept, n, __ATOMIC_SEQ_CST);
	for (i = 0; i < b->rows; i++)
		all += __atomic_load_n(&row_to_read(b, i)->kept, __ATOMIC_SEQ_CST);
	if (all <= b->limit)
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
board_forget(struct board *b, unsigned int engine)
{
	unsigned int	 i;

	for (i = 0; i < b->columns; i++)
		__atomic_store_n(count_at(b, engine, i), 0, __ATOMIC_RELAXED);
	__atomic_store_n(&own_row(b, engine)->kept, 0, __ATOMIC_SEQ_CST);
}
