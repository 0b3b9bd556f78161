/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/xmalloc.h: allocation that can't fail, for our own small structures. Not
 * for a size that a peer chose, unless that size was bounded before.
 */
#ifndef PM_BASE_XMALLOC_H
#define PM_BASE_XMALLOC_H

#include <stddef.h>

/*
 * Each returns memory that the caller frees with free(3). If memory runs out, a
 * size is zero or a product overflows, the process ends through fatalx(). Before that
 * it uses the reserve of base/memory.h.
 */
void	*xmalloc(size_t size);
void	*xcalloc(size_t n, size_t size);
void	*xreallocarray(void *p, size_t n, size_t size);
char	*xstrdup(const char *s);
/* Copies at most max bytes, and adds a NUL. */
char	*xstrndup(const char *s, size_t max);
/* Copies len bytes (may be 0) and puts a NUL after them. */
char	*xmemdup0(const void *p, size_t len);
/* free(3) of a string that may be a secret: overwritten first. NULL is nothing. */
void	 xfree_secret(char *s);

#endif
