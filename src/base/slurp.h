/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/slurp.h: a small file, read as a whole.
 */
#ifndef PM_BASE_SLURP_H
#define PM_BASE_SLURP_H

#include <sys/stat.h>

#include <stddef.h>

/*
 * The bytes of a regular file, malloc'd, with a NUL after them; *len says how many, *st is
 * what fstat(2) said. NULL: there is no such file, it is of another kind, can't be read, or
 * has more than max bytes (errno is EFBIG); *why says it, and holds until the next call.
 * A FIFO or a device that somebody put there does not make the caller wait.
 */
char	*slurp(const char *path, size_t max, struct stat *st, size_t *len, const char **why);

#endif
