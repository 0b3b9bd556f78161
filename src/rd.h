/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * rd.h: a bounded reader over bytes that somebody else owns. Every failed read
 * sets err, gives zero or NULL, and makes all later reads fail; a parser reads
 * everything and looks at err once.
 */
#ifndef PM_RD_H
#define PM_RD_H

#include <stddef.h>
#include <stdint.h>

struct rd {
	const unsigned char	*p;
	size_t			 left;
	int			 err;
};

void			 rd_init(struct rd *, const void *, size_t);
uint8_t			 rd_u8(struct rd *);
uint16_t		 rd_u16(struct rd *);	/* network order */
uint32_t		 rd_u32(struct rd *);	/* network order */
/* n bytes, pointing into the input; they live as long as it does. */
const unsigned char	*rd_bytes(struct rd *, size_t n);
/*
 * A string whose NUL lies within what is left, pointing into the input; len
 * (may be NULL) is its length without the NUL.
 */
const char		*rd_cstr(struct rd *, size_t *len);

#endif
