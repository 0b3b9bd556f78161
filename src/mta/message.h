/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_message.h: a message as milter-send reads and writes it. Headers keep
 * their bytes, folds included; line ends are those of SMTP inside and those
 * of the input again outside.
 */
#ifndef PM_MTA_MESSAGE_H
#define PM_MTA_MESSAGE_H

#include <stddef.h>

#include "base/compat.h"
#include "base/buf.h"

struct mta_header {
	TAILQ_ENTRY(mta_header)	 entry;
	char			*text;		/* "Name: value", folds are LF, no LF at the end */
	char			*name;		/* without blanks before the colon */
	size_t			 value;		/* where the value begins: right behind the colon */
};
TAILQ_HEAD(mta_headers, mta_header);

struct mta_message {
	struct mta_headers	 headers;
	unsigned char		*body;		/* with CRLF; NULL if empty */
	size_t			 body_len;
	int			 crlf;		/* the input had CRLF */
	int			 separator;	/* the empty line behind the headers was there */
};

/* text is copied; name_len bytes of it are the name. */
struct mta_header *mta_header_new(const char *text, size_t len, size_t name_len);
void	 mta_header_free(struct mta_header *);
void	 mta_headers_clear(struct mta_headers *);
/* 1 if the header has this name, whatever the case. */
int	 mta_header_is(const struct mta_header *, const char *name);

/*
 * Takes a message apart: LF or CRLF, headers up to the empty line or the
 * first line that is none; an mbox line "From ..." in front is dropped, and a
 * last line without its end gets one, for SMTP knows no other. Returns 0, or
 * -1 with *why (a constant text).
 */
int	 mta_message_parse(struct mta_message *, const void *, size_t, const char **why);
void	 mta_message_free(struct mta_message *);
/* The message in one piece, with LF or CRLF. */
void	 mta_message_write(const struct mta_headers *, int separator,
	    const unsigned char *body, size_t body_len, int crlf, struct buf *out);

#endif
