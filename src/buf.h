/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * buf.h: a growing byte buffer with a maximum and a sticky error, for writing
 * packets and blocks. A writer adds everything and looks at buf_ok() once.
 */
#ifndef PM_BUF_H
#define PM_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "compat.h"

struct buf {
	unsigned char	*data;	/* NULL while nothing was added */
	size_t		 len;
	size_t		 cap;
	size_t		 max;	/* an addition beyond it sets err and adds nothing */
	int		 err;
};

void	buf_init(struct buf *, size_t max);
void	buf_free(struct buf *);		/* usable again afterwards */
void	buf_reset(struct buf *);	/* empties, clears err, keeps the memory */
int	buf_ok(const struct buf *);	/* 1 if every addition found room */
void	buf_add(struct buf *, const void *, size_t);
void	buf_add_str(struct buf *, const char *);	/* without the NUL */
void	buf_add_cstr(struct buf *, const char *);	/* with the NUL */
void	buf_add_u8(struct buf *, unsigned int);		/* over 255: err */
void	buf_add_u16(struct buf *, unsigned int);	/* network order; over 65535: err */
void	buf_add_u32(struct buf *, uint32_t);		/* network order */
void	buf_put_u32(struct buf *, size_t at, uint32_t);	/* over four bytes already there */
void	buf_printf(struct buf *, const char *, ...) PRINTF_LIKE(2, 3);
void	buf_drain(struct buf *, size_t);		/* removes from the front */
/* Gives away the bytes with a NUL behind them (free(3) them) and empties the buffer. */
char	*buf_steal(struct buf *, size_t *len);

#endif
