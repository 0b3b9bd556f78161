/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <sys/mman.h>

#include <stdint.h>

#include "board.h"
#include "log.h"

#define LINE	64u	/* bytes that processors pass to each other at a time */

/*
 * A row begins at a line of its own, so that engines don't take it from each
 * other. The row's engine writes it, the supervisor only when that one is gone.
 */
struct board {
	unsigned int	 rows, columns, stride;
	unsigned int	 counts[] __attribute__((__aligned__(LINE)));
};

struct board *
board_new(const struct conf *conf)
{
	const unsigned int	 a_line = LINE / sizeof(unsigned int);
	struct board		*b;
	size_t			 stride, size;

	stride = (conf->nlistens + a_line - 1) / a_line * a_line;
	size = sizeof(*b) + conf->engines * stride * sizeof(b->counts[0]);
	b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		fatal("mmap");
	b->rows = conf->engines;
	b->columns = (unsigned int)conf->nlistens;
	b->stride = (unsigned int)stride;
	return b;
}

static unsigned int *
count_at(struct board *b, unsigned int engine, unsigned int listener)
{
	if (engine >= b->rows || listener >= b->columns)
		fatalx("board: engine %u, listener %u", engine, listener);
	return &b->counts[(size_t)engine * b->stride + listener];
}

unsigned int
board_connections(const struct board *b, unsigned int listener)
{
	unsigned int	 i, n = 0;

	if (listener >= b->columns)
		fatalx("board: listener %u", listener);
	for (i = 0; i < b->rows; i++)
		n += __atomic_load_n(&b->counts[(size_t)i * b->stride + listener],
		    __ATOMIC_RELAXED);
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

void
board_forget(struct board *b, unsigned int engine)
{
	unsigned int	 i;

	for (i = 0; i < b->columns; i++)
		__atomic_store_n(count_at(b, engine, i), 0, __ATOMIC_RELAXED);
}
