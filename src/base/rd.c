/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/rd.c: the part of the bounded reader that is not inline.
 */
#include "base/compat.h"

#include <string.h>

#include "base/rd.h"

const char *
rd_cstr(struct rd *r, size_t *len)
{
	const unsigned char	*end = NULL;
	size_t			 n = 0;

	if (!r->err && r->left > 0)
		end = memchr(r->p, '\0', r->left);
	if (end == NULL)
		r->err = 1;
	else
		n = (size_t)(end - r->p);
	if (len != NULL)
		*len = n;
	return end == NULL ? NULL : (const char *)rd_bytes(r, n + 1);
}
