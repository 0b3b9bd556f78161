/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>

#include "store/board.h"
#include "base/log.h"
#include "base/xmalloc.h"

#define LINE	64u	/* bytes that processors pass to each other at a time */

struct row {
	uint64_t	 kept;		/* bytes of messages */
	unsigned int	 counts[];	/* connections, one for each listener */
};

/*
 * A row begins at a line of its own, so that engines don't take it from each
 * other. The row's engine writes it, the supervisor only when that one is gone.
 * Each process has where they are for itself: an engine must not tell the
 * supervisor where to write.
 */
struct board {
	unsigned int	 rows, columns;
	size_t		 stride;	/* bytes from row to row */
	uint64_t	 limit;		/* of kept, in all rows together */
	unsigned char	*bytes;		/* shared */
	size_t		 size;		/* of these */
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

	/* Counted first: of two that take the last bytes at a time one sees the other. */
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
