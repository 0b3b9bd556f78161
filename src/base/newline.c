/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/newline.c: line ends of bodies, across pieces.
 */
#include "base/compat.h"

#include <string.h>

#include "base/newline.h"

void
newline_init(struct newline *nl)
{
	nl->cr = 0;
	nl->last = 0;
}

void
newline_to_lf(struct newline *nl, const void *data, size_t len, struct buf *out)
{
	const unsigned char	*p = data, *cr, *end;
	unsigned char		*start, *to;

	/* The result is never longer, except by a CR that waited. */
	if (len == 0 || (start = buf_extend(out, len + 1)) == NULL)
		return;
	end = p + len;
	to = start;
	if (nl->cr && *p != '\n')
		*to++ = '\r';
	nl->cr = 0;
	while (p < end) {
		if ((cr = memchr(p, '\r', (size_t)(end - p))) == NULL)
			cr = end;
		memcpy(to, p, (size_t)(cr - p));
		to += cr - p;
		if (cr + 1 == end)
			nl->cr = 1;
		else if (cr < end && cr[1] != '\n')
			*to++ = '\r';
		p = cr == end ? end : cr + 1;
	}
	out->len -= len + 1 - (size_t)(to - start);
}

int
newline_flush(struct newline *nl, struct buf *out)
{
	if (!nl->cr)
		return 0;
	nl->cr = 0;
	buf_add(out, "\r", 1);
	return 1;
}

void
newline_to_crlf(struct newline *nl, const void *data, size_t len, struct buf *out)
{
	const unsigned char	*p = data, *lf, *end;

	if (len == 0)
		return;
	end = p + len;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		buf_add(out, p, (size_t)(lf - p));
		if (lf > p)
			nl->last = lf[-1];
		buf_add_str(out, nl->last == '\r' ? "\n" : "\r\n");
		nl->last = '\n';
		p = lf + 1;
	}
	if (p < end) {
		buf_add(out, p, (size_t)(end - p));
		nl->last = end[-1];
	}
}
