/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/buf.c: a growing byte buffer.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/xmalloc.h"

#define BUF_FIRST	256	/* bytes of the first allocation */
/* Up to that many bytes memory does not fail: no more than a packet or a pipe brings. */
#define BUF_SURE	(128 * 1024)

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

static void
move_memory(struct buf *from, struct buf *to)
{
	to->data = from->data;
	to->cap = from->cap;
	from->data = NULL;
	from->cap = 0;
	buf_reset(from);
	buf_reset(to);
}

void
buf_lend(struct buf *b, struct buf *spare, size_t most)
{
	if (b->data == NULL || spare->data != NULL || b->cap > most)
		buf_free(b);
	else
		move_memory(b, spare);
}

void
buf_borrow(struct buf *b, struct buf *spare)
{
	if (b->len > 0 || spare->data == NULL)
		return;
	free(b->data);
	move_memory(spare, b);
}

/*
 * 1 if n more bytes are allowed, else sets err. Additions after an error are
 * dropped as well: a text with a hole in it would be worse than none.
 */
static int
buf_fits(struct buf *b, size_t n)
{
	if (b->len > b->max || n > b->max - b->len)
		b->err = 1;
	return !b->err;
}

/* Grows to cap bytes. Returns 0 if there is not enough memory. */
static int
grow_to(struct buf *b, size_t cap)
{
	void	*p;

	if (cap <= BUF_SURE)
		p = xreallocarray(b->data, cap, 1);
	else if ((p = memory_grow(b->data, b->cap, cap)) == NULL)
		return 0;
	if (cap <= BUF_SURE)
		memory_took(cap - b->cap);
	b->data = p;
	b->cap = cap;
	return 1;
}

/* NULL: err is set. */
static unsigned char *
buf_room(struct buf *b, size_t n)
{
	size_t	 cap;

	if (b->data == NULL || n > b->cap - b->len) {
		cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
		while (cap - b->len < n)
			cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
		/* Twice as much may be too much where what is needed is not. */
		if (!grow_to(b, cap) && !grow_to(b, b->len + n)) {
			b->err = 1;
			return NULL;
		}
	}
	return b->data + b->len;
}

int
buf_reserve(struct buf *b, size_t n)
{
	if (b->err || n > b->max - b->len)
		return 0;
	return n <= b->cap - b->len || grow_to(b, b->len + n);
}

void
buf_add_slowly(struct buf *b, const void *p, size_t n)
{
	unsigned char	*to;

	if (!buf_fits(b, n) || n == 0 || (to = buf_room(b, n)) == NULL)
		return;
	memcpy(to, p, n);
	b->len += n;
}

unsigned char *
buf_extend(struct buf *b, size_t n)
{
	unsigned char	*p;

	if (!buf_fits(b, n) || (p = buf_room(b, n)) == NULL)
		return NULL;
	b->len += n;
	return p;
}

void
buf_add_cstr(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

void
buf_add_u8(struct buf *b, unsigned int v)
{
	unsigned char	 byte;

	if (v > 255) {
		b->err = 1;
		return;
	}
	byte = (unsigned char)v;
	buf_add(b, &byte, 1);
}

void
buf_add_u16(struct buf *b, unsigned int v)
{
	unsigned char	 bytes[2];

	if (v > 65535) {
		b->err = 1;
		return;
	}
	bytes[0] = (unsigned char)(v >> 8);
	bytes[1] = (unsigned char)(v & 255);
	buf_add(b, bytes, sizeof(bytes));
}

static void
put_u32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16 & 255);
	p[2] = (unsigned char)(v >> 8 & 255);
	p[3] = (unsigned char)(v & 255);
}

void
buf_add_u32(struct buf *b, uint32_t v)
{
	unsigned char	 bytes[4];

	put_u32(bytes, v);
	buf_add(b, bytes, sizeof(bytes));
}

void
buf_put_u32(struct buf *b, size_t at, uint32_t v)
{
	if (b->len < 4 || at > b->len - 4) {
		b->err = 1;
		return;
	}
	put_u32(b->data + at, v);
}

void
buf_add_number(struct buf *b, uint64_t n)
{
	char	 digits[24], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list	 ap;
	char	*to;
	size_t	 room;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		b->err = 1;
	if (b->err || !buf_fits(b, (size_t)n))
		return;
	/* vsnprintf(3) ends with a NUL, which the maximum does not count. */
	room = (size_t)n + 1;
	if ((to = (char *)buf_room(b, room)) == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(to, room, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_drain(struct buf *b, size_t n)
{
	if (n > b->len) {
		b->err = 1;
		n = b->len;
	}
	b->len -= n;
	if (b->len > 0 && n > 0)
		memmove(b->data, b->data + n, b->len);
}

char *
buf_steal(struct buf *b, size_t *len)
{
	unsigned char	*data;

	data = xreallocarray(b->data, b->len + 1, 1);
	data[b->len] = '\0';
	if (len != NULL)
		*len = b->len;
	buf_init(b, b->max);
	return (char *)data;
}
