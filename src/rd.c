/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <string.h>

#include "rd.h"

void
rd_init(struct rd *r, const void *p, size_t len)
{
	r->p = p;
	r->left = len;
	r->err = 0;
}

const unsigned char *
rd_bytes(struct rd *r, size_t n)
{
	const unsigned char	*p = r->p;

	if (r->err || n > r->left) {
		r->err = 1;
		return NULL;
	}
	/* Nothing may be added to a NULL pointer, not even nothing. */
	if (n > 0) {
		r->p += n;
		r->left -= n;
	}
	return p;
}

uint8_t
rd_u8(struct rd *r)
{
	const unsigned char	*p = rd_bytes(r, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
rd_u16(struct rd *r)
{
	const unsigned char	*p = rd_bytes(r, 2);

	if (p == NULL)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
rd_u32(struct rd *r)
{
	const unsigned char	*p = rd_bytes(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

const char *
rd_cstr(struct rd *r, size_t *len)
{
	const unsigned char	*end = NULL;
	size_t			 n = 0;

	if (!r->err && r->left > 0)
		end = memchr(r->p, '\0', r->left);
	if (end == NULL)
		r->err = 1;
	else
		n = (size_t)(end - r->p);
	if (len != NULL)
		*len = n;
	return end == NULL ? NULL : (const char *)rd_bytes(r, n + 1);
}
