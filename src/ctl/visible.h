/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/visible.h: bytes from anywhere as text that does nothing to a terminal. Pure.
 */
#ifndef PM_CTL_VISIBLE_H
#define PM_CTL_VISIBLE_H

#include "base/buf.h"

/*
 * Adds a text. Backslashes are doubled; control characters, those of Unicode too, and bytes that
 * are not UTF-8 become \ooo, three octal digits for each byte.
 */
void	 visible_add(struct buf *, const char *);
/* The same, but with backslashes as they are, and U+FFFD for a byte that is not UTF-8: for JSON. */
void	 visible_add_utf8(struct buf *, const char *);

#endif
