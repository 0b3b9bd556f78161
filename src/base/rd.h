/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/rd.h: a bounded reader over bytes that somebody else owns. A failed read
 * sets err, gives zero or NULL, and makes all later reads fail; a parser reads
 * everything and looks at err once.
 */
#ifndef PM_BASE_RD_H
#define PM_BASE_RD_H

#include <stddef.h>
#include <stdint.h>

struct rd {
	const unsigned char	*p;
	size_t			 left;
	int			 err;
};

/*
 * Reads a string up to and including its NUL; the result points into the input.
 * len (may be NULL) is its length without the NUL. NULL if there is no NUL in
 * what is left.
 */
const char	*rd_cstr(struct rd *, size_t *len);

static inline void
rd_init(struct rd *r, const void *p, size_t len)
{
	r->p = p;
	r->left = len;
	r->err = 0;
}

/* Reads n bytes; the result points into the input and lives as long as the input does. */
static inline const unsigned char *
rd_bytes(struct rd *r, size_t n)
{
	const unsigned char	*p = r->p;

	if (r->err || n > r->left) {
		r->err = 1;
		return NULL;
	}
	/* C allows no addition to a NULL pointer, not even of zero. */
	if (n > 0) {
		r->p += n;
		r->left -= n;
	}
	return p;
}

static inline uint8_t
rd_u8(struct rd *r)
{
	const unsigned char	*p = rd_bytes(r, 1);

	return p == NULL ? 0 : p[0];
}

/* rd_u16() and rd_u32() read network order. */
static inline uint16_t
rd_u16(struct rd *r)
{
	const unsigned char	*p = rd_bytes(r, 2);

	if (p == NULL)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
rd_u32(struct rd *r)
{
	const unsigned char	*p = rd_bytes(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

#endif
