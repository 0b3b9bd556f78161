/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/escape.h: the escapes of values in blocks and replies
 * (pipemilter-handler(7), "Escapes"). printf %b undoes them.
 */
#ifndef PM_BASE_ESCAPE_H
#define PM_BASE_ESCAPE_H

#include <stddef.h>

#include "base/buf.h"

/* Adds the escaped form of len bytes (no NUL among them) to out. */
void	 escape(struct buf *out, const char *value, size_t len);

/*
 * Undoes escapes in place: the len bytes at s become a NUL-terminated string
 * that is never longer (s[len] is written to). Returns its length, or
 * (size_t)-1 with *why (a constant text) for \0000 and octals above 377. A
 * backslash that begins no escape stands for itself.
 */
size_t	 escape_undo(char *s, size_t len, const char **why);

#endif
