/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/newline.h: line ends of bodies, across pieces.
 */
#ifndef PM_BASE_NEWLINE_H
#define PM_BASE_NEWLINE_H

#include <stddef.h>

#include "base/buf.h"

struct newline {
	int	 cr;	/* the last piece ended with a CR that still waits */
	int	 last;	/* the last byte seen, for newline_to_crlf(); 0 at first */
};

/* The state before the first piece of a body. */
void	 newline_init(struct newline *);
/*
 * Towards a handler: adds the piece to out with each CRLF as LF and nothing
 * else changed. A CR at the end of the piece waits for the next piece.
 */
void	 newline_to_lf(struct newline *, const void *, size_t, struct buf *out);
/* At the end of the body: adds the CR that still waits. Returns 1 if there was one. */
int	 newline_flush(struct newline *, struct buf *out);
/* From a handler: adds the piece to out with each LF as CRLF, unless a CR precedes it. */
void	 newline_to_crlf(struct newline *, const void *, size_t, struct buf *out);

#endif
