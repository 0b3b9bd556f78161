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
	int	 cr;	/* the last piece ended with a CR that waits */
	int	 last;	/* last byte seen, for newline_to_crlf(); 0 at first */
};

void	 newline_init(struct newline *);
/*
 * Towards a handler: adds the piece to out with each CRLF as LF and nothing
 * else changed. A CR at its end waits for the next piece.
 */
void	 newline_to_lf(struct newline *, const void *, size_t, struct buf *out);
/* The CR that still waits when the body has ended: adds it, returns 1 if there was one. */
int	 newline_flush(struct newline *, struct buf *out);
/* From a handler: each LF without a CR before it becomes CRLF. */
void	 newline_to_crlf(struct newline *, const void *, size_t, struct buf *out);

#endif
