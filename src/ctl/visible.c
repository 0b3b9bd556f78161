/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/visible.c: bytes from anywhere as text that does nothing to a terminal.
 */
#include "base/compat.h"

#include <stdint.h>
#include <string.h>

#include "ctl/visible.h"

/* How many bytes follow the first one of a character; -1: none begins so. */
static int
following(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if ((first & 0xf0) == 0xe0)
		return 2;
	return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

/* Returns the length of the character at s, with its number, or 0: this is no UTF-8 (RFC 3629). */
static size_t
character(const char *s, uint32_t *number)
{
	static const uint32_t	 least[] = { 0, 0x80, 0x800, 0x10000 };
	int			 n = following((unsigned char)s[0]), i;

	if (n == -1)
		return 0;
	*number = (unsigned char)s[0] & (n == 0 ? 0x7fu : 0x3fu >> n);
	for (i = 1; i <= n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		*number = *number << 6 | ((unsigned char)s[i] & 0x3fu);
	}
	if (*number < least[n] || *number > 0x10ffff || (*number >= 0xd800 && *number <= 0xdfff))
		return 0;
	return (size_t)n + 1;
}

/* Characters that move a cursor, or the direction of what follows. */
static int
acts(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void
visible_add(struct buf *b, const char *s)
{
	uint32_t	 c = 0;
	size_t		 n, i;

	for (; *s != '\0'; s += n) {
		n = character(s, &c);
		if (n > 0 && c == '\\')
			buf_add_str(b, "\\\\");
		else if (n > 0 && !acts(c))
			buf_add(b, s, n);
		else {
			n = n == 0 ? 1 : n;
			for (i = 0; i < n; i++)
				buf_printf(b, "\\%03o", (unsigned int)(unsigned char)s[i]);
		}
	}
}

void
visible_add_utf8(struct buf *b, const char *s)
{
	uint32_t	 c = 0;
	size_t		 n;

	for (; *s != '\0'; s += n) {
		if ((n = character(s, &c)) > 0)
			buf_add(b, s, n);
		else {
			buf_add_str(b, "\357\277\275");
			n = 1;
		}
	}
}
