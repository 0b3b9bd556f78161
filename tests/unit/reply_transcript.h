/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply_transcript.h: checks what a reply decoder makes of a reply. Each reply
 * is read whole, byte by byte and in other pieces, with the same result: a text
 * of one line for each item, values escaped and in brackets.
 */
#ifndef PM_REPLY_TRANSCRIPT_H
#define PM_REPLY_TRANSCRIPT_H

#include "reply/decode.h"

extern struct reply_limits	 limits;

/* Feeds the reply in pieces of that many bytes; the caller frees the text. */
char	*transcript(const void *in, size_t len, size_t piece);
void	 check(const char *in, const char *want);
/* Checks the error of a wrong line, which is given without its line end. */
void	 check_error(const char *in, const char *why);

#endif
