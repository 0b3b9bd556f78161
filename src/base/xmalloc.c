/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/xmalloc.c: allocation that can't fail.
 */
#include "base/compat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/xmalloc.h"

void *
xmalloc(size_t size)
{
	void	*p;

	if (size == 0)
		fatalx("xmalloc: size of zero");
	while ((p = malloc(size)) == NULL)
		if (!memory_use_reserve())
			fatalx("out of memory (%zu bytes)", size);
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	void	*p;

	if (n == 0 || size == 0)
		fatalx("xcalloc: size of zero");
	while ((p = calloc(n, size)) == NULL)
		if (!memory_use_reserve())
			fatalx("out of memory (%zu * %zu bytes)", n, size);
	return p;
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	void	*q;

	if (n == 0 || size == 0)
		fatalx("xreallocarray: size of zero");
	while (n > SIZE_MAX / size || (q = realloc(p, n * size)) == NULL)
		if (n > SIZE_MAX / size || !memory_use_reserve())
			fatalx("out of memory (%zu * %zu bytes)", n, size);
	return q;
}

char *
xstrdup(const char *s)
{
	return xmemdup0(s, strlen(s));
}

char *
xstrndup(const char *s, size_t max)
{
	return xmemdup0(s, strnlen(s, max));
}

char *
xmemdup0(const void *p, size_t len)
{
	char	*copy;

	if (len == SIZE_MAX)
		fatalx("xmemdup0: size overflows");
	copy = xmalloc(len + 1);
	/* memcpy(3) must not get NULL, not even with a length of zero. */
	if (len > 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

void
xfree_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}
