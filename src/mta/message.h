/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/message.h: a message as milter-send reads and writes it. Pure. Headers
 * keep their bytes, folds included. Line ends are those of SMTP inside, and
 * those of the input again in the output.
 */
#ifndef PM_MTA_MESSAGE_H
#define PM_MTA_MESSAGE_H

#include <stddef.h>

#include "base/compat.h"
#include "base/buf.h"

struct mta_header {
	TAILQ_ENTRY(mta_header)	 entry;
	char			*text;		/* "Name: value"; folds are LF, no LF at the end */
	char			*name;		/* without blanks before the colon */
	size_t			 value;		/* offset of the value: right after the colon */
};
TAILQ_HEAD(mta_headers, mta_header);

struct mta_message {
	struct mta_headers	 headers;
	unsigned char		*body;		/* with CRLF; NULL if empty */
	size_t			 body_len;
	int			 crlf;		/* the input had CRLF */
	int			 separator;	/* the empty line after the headers was there */
};

/*
 * Makes a header from a copy of text; its first name_len bytes are the name.
 * Free it with mta_header_free().
 */
struct mta_header *mta_header_new(const char *text, size_t len, size_t name_len);
void	 mta_header_free(struct mta_header *);
void	 mta_headers_clear(struct mta_headers *);
/* 1 if the header has this name, in any case. */
int	 mta_header_is(const struct mta_header *, const char *name);

/*
 * Parses a message with LF or CRLF. The headers end at the empty line or at the
 * first line that is no header. An mbox line "From ..." on top is dropped, and
 * a last line without its line end gets one, since SMTP knows no such line.
 * Returns 0, or -1 with *why (a constant text).
 */
int	 mta_message_parse(struct mta_message *, const void *, size_t, const char **why);
void	 mta_message_free(struct mta_message *);
/* Adds the whole message, with LF or CRLF. */
void	 mta_message_write(const struct mta_headers *, int separator,
	    const unsigned char *body, size_t body_len, int crlf, struct buf *out);

#endif
