/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/buf.h: a growing byte buffer with a maximum and a sticky error, for writing
 * packets and blocks. A writer adds everything and looks at buf_ok() once.
 */
#ifndef PM_BASE_BUF_H
#define PM_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compat.h"

struct buf {
	unsigned char	*data;	/* NULL while nothing was added */
	size_t		 len;
	size_t		 cap;
	size_t		 max;	/* an addition beyond it sets err and adds nothing */
	int		 err;
};

void	buf_init(struct buf *, size_t max);
void	buf_free(struct buf *);		/* usable again afterwards */
void	buf_add_slowly(struct buf *, const void *, size_t);	/* buf_add() for all cases */
/* n bytes at the end, to be written at once and in full; NULL: err. */
unsigned char *buf_extend(struct buf *, size_t n);
void	buf_add_cstr(struct buf *, const char *);	/* with the NUL */
void	buf_add_u8(struct buf *, unsigned int);		/* over 255: err */
void	buf_add_u16(struct buf *, unsigned int);	/* network order; over 65535: err */
void	buf_add_u32(struct buf *, uint32_t);		/* network order */
void	buf_put_u32(struct buf *, size_t at, uint32_t);	/* over four bytes already there */
void	buf_printf(struct buf *, const char *, ...) PRINTF_LIKE(2, 3);
void	buf_drain(struct buf *, size_t);		/* removes from the front */
/*
 * The memory of a buffer that is needed no more goes to spare; it is freed if
 * spare has some or if it is more than most. What is kept so serves the next.
 */
void	buf_lend(struct buf *, struct buf *spare, size_t most);
/* A buffer that is empty takes the memory of spare, if there is any. */
void	buf_borrow(struct buf *, struct buf *spare);
/* Gives away the bytes with a NUL behind them (free(3) them) and empties the buffer. */
char	*buf_steal(struct buf *, size_t *len);

/* Empties, clears err, keeps the memory. */
static inline void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

/* 1 if every addition found room. */
static inline int
buf_ok(const struct buf *b)
{
	return !b->err;
}

/* Nearly always there is room, and blocks are made of many small pieces. */
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n > b->cap - b->len || n > b->max - b->len || n == 0 || b->err) {
		buf_add_slowly(b, p, n);
		return;
	}
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

/* Without the NUL. */
static inline void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

#endif
