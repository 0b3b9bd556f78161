/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/buf.h: a growing byte buffer with a maximum and a sticky error, for
 * writing packets and blocks. A writer adds everything and looks at buf_ok()
 * once. In a process with a bound of memory (base/memory.h) a buffer of more than
 * 128 KB may find no room: that sets err as well.
 */
#ifndef PM_BASE_BUF_H
#define PM_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compat.h"

struct buf {
	unsigned char	*data;	/* NULL before the first addition */
	size_t		 len;
	size_t		 cap;
	size_t		 max;	/* in bytes; an addition beyond it sets err and adds nothing */
	int		 err;
};

/* An empty buffer that grows to at most max bytes. */
void	buf_init(struct buf *, size_t max);
void	buf_free(struct buf *);		/* the buffer can be used again */
void	buf_add_slowly(struct buf *, const void *, size_t);	/* buf_add(), all cases */
/*
 * Makes n bytes at the end, which the caller writes at once and in full. NULL:
 * err is set.
 */
unsigned char *buf_extend(struct buf *, size_t n);
/*
 * Takes memory for n more bytes now, so that adding them can't fail. Returns 0 if there
 * is none, or beyond max; err stays as it is.
 */
int	buf_reserve(struct buf *, size_t n);
void	buf_add_cstr(struct buf *, const char *);	/* with the NUL */
void	buf_add_u8(struct buf *, unsigned int);		/* above 255: err */
void	buf_add_u16(struct buf *, unsigned int);	/* network order; above 65535: err */
void	buf_add_u32(struct buf *, uint32_t);		/* network order */
/* Over four bytes from offset at; if they are not there, sets err and writes nothing. */
void	buf_put_u32(struct buf *, size_t at, uint32_t);
void	buf_add_number(struct buf *, uint64_t);		/* in decimal digits */
void	buf_printf(struct buf *, const char *, ...) PRINTF_LIKE(2, 3);
/* Removes n bytes from the front; if there are fewer, sets err and removes all. */
void	buf_drain(struct buf *, size_t n);
/*
 * Gives the memory of a buffer that is not needed any more to spare, for
 * buf_borrow(). Frees it if spare has memory already, or if it is more than
 * `most` bytes.
 */
void	buf_lend(struct buf *, struct buf *spare, size_t most);
/* Takes the memory of spare, if spare has some and this buffer is empty. */
void	buf_borrow(struct buf *, struct buf *spare);
/*
 * Gives the bytes away, with a NUL after them, and empties the buffer. The
 * caller frees them with free(3). len (may be NULL) is their number without the
 * NUL.
 */
char	*buf_steal(struct buf *, size_t *len);

/* Empties the buffer and clears err; keeps the memory. */
static inline void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

/* 1 if every addition had room. */
static inline int
buf_ok(const struct buf *b)
{
	return !b->err;
}

/*
 * Adds n bytes. Inline, since blocks are made of many small pieces and nearly
 * always there is room.
 */
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

/* Adds a string without its NUL. */
static inline void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

#endif
