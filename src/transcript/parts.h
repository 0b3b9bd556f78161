/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/parts.h: what the files of the transcript's reader share among
 * themselves.
 */
#ifndef PM_TRANSCRIPT_PARTS_H
#define PM_TRANSCRIPT_PARTS_H

#include "transcript/transcript.h"

struct parser {
	struct transcript_file	*f;
	char			*p, *end;	/* what is left; *end may be written */
	size_t			 line;		/* the last one that was read */
	const char		*why;		/* NULL: all is well; a constant text */
};

/*
 * transcript/lines.c. Whatever is wrong sets why, if nothing was before.
 */
/* Returns -1. */
int	 lines_bad(struct parser *, const char *why);
/* Room for one more behind n; it doubles when n is a power of two. */
void	*lines_grow(void *array, size_t n, size_t size);
/* The next line that is no remark, NUL-terminated; NULL at the end, or if it is bad. */
char	*lines_next(struct parser *);
void	 lines_skip_remarks(struct parser *);
/* n bytes and their line feed, or NULL. */
const unsigned char *lines_payload(struct parser *, size_t n);
/* Cuts the first word off; what follows its blank is returned, or NULL. */
char	*lines_cut_word(char *text);
/* In place. */
const char *lines_unescape(struct parser *, char *value);
/* Decimal, or 0x and hexadecimal. */
uint32_t lines_number(struct parser *, const char *text, uint32_t max);

/* transcript/block.c: a block whose first line has been read. Returns 0 or -1. */
int	 transcript_block(struct parser *, struct transcript_item *, char *line);

#endif
