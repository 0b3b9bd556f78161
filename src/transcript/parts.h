/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* transcript/parts.h: what the files that read a transcript share. Pure. */
#ifndef PM_TRANSCRIPT_PARTS_H
#define PM_TRANSCRIPT_PARTS_H

#include "transcript/transcript.h"

struct parser {
	struct transcript_file	*f;
	char			*p, *end;	/* what is left; *end may be written to */
	size_t			 line;		/* number of the last line read, from 1 */
	const char		*why;		/* the first error, a constant text; NULL: none */
};

/* transcript/lines.c. Each error sets why, unless an error came before. */
/* Sets the error. Returns -1. */
int	 lines_bad(struct parser *, const char *why);
/*
 * Makes room for one more element after n of this size; the array doubles when
 * n is a power of two. Returns the array.
 */
void	*lines_grow(void *array, size_t n, size_t size);
/*
 * Returns the next line that is no remark, NUL-terminated; NULL at the end or
 * after an error.
 */
char	*lines_next(struct parser *);
/* Skips lines that begin with #. */
void	 lines_skip_remarks(struct parser *);
/*
 * Reads n bytes and the line feed after them. Returns the bytes, or NULL after
 * an error.
 */
const unsigned char *lines_payload(struct parser *, size_t n);
/*
 * Ends the first word with a NUL. Returns what follows its blank, or NULL if
 * there is no blank.
 */
char	*lines_cut_word(char *text);
/* Undoes the escapes in place and returns value. */
const char *lines_unescape(struct parser *, char *value);
/* Reads a number, decimal or 0x and hexadecimal. Returns 0 after an error. */
uint32_t lines_number(struct parser *, const char *text, uint32_t max);

/*
 * transcript/block.c: reads a block into the item, after its first line, which
 * is given. Returns 0, or -1 after an error.
 */
int	 transcript_block(struct parser *, struct transcript_item *, char *line);

#endif
