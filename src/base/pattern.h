/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/pattern.h: patterns as those that a shell has for the names of files. Pure.
 * fnmatch(3) may take time that grows with a power of the length of the text, and the text
 * is a stranger's: here it is at most the product of both lengths.
 */
#ifndef PM_BASE_PATTERN_H
#define PM_BASE_PATTERN_H

/*
 * 1 if the pattern matches the whole text, ASCII letters of both cases being the same. `*' is
 * any bytes, `?' a character (of UTF-8), [abx-z] and [!abx-z] one byte, and a backslash
 * makes the next byte stand for itself.
 */
int	 pattern_matches(const char *pattern, const char *text);

#endif
