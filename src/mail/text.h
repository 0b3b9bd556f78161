/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/text.h: the text of a message, as files and filters have it, parsed and
 * written. Pure.
 */
#ifndef PM_MAIL_TEXT_H
#define PM_MAIL_TEXT_H

#include <stddef.h>

#include "base/buf.h"

/* The most bytes of a text, and the most headers in it. */
#define MAILFILE_MAX		((size_t)1 << 30)
#define MAILFILE_MAX_HEADERS	((size_t)1000000)

struct mailfile_header {
	const char	*text;		/* "Name: value" and a NUL; folds are LF */
	size_t		 len;		/* bytes of text without the NUL */
	size_t		 name_len;	/* the name is at the front; blanks may follow it */
	size_t		 value;		/* offset of the value in text: right after the colon */
};

struct mailfile {
	struct mailfile_header	*headers;	/* their text is in store */
	size_t			 count;
	const unsigned char	*body;		/* points into the parsed text, unchanged */
	size_t			 body_len;
	int			 separator;	/* an empty line ended the headers */
	int			 crlf;		/* the first line ended with CRLF */
	char			*store;
};

/*
 * Parses a text with LF, CRLF or both. The headers end at the empty line, or at
 * the first line that is no header and begins the body: a body without
 * separator means that a wrong line stood among the headers. An mbox line "From
 * ..." on top is dropped. The text must live as long as the body is used. Takes
 * time and memory in proportion to the text. Returns 0, or -1 with *why (a
 * constant text) and nothing to free: a NUL in a header, or one of the limits
 * above is exceeded.
 */
int	 mailfile_parse(struct mailfile *, const void *text, size_t len, const char **why);
/* Frees everything but the struct and the parsed text. */
void	 mailfile_free(struct mailfile *);

/* The value with its NUL at the end, pointing into text. */
static inline const char *
mailfile_value(const struct mailfile_header *h)
{
	return h->text + h->value;
}

/* 1 if both have the same name, in the same spelling, and the same value, to the byte. */
int	 mailfile_same(const struct mailfile_header *, const struct mailfile_header *);

/* Removes the first n headers. */
void	 mailfile_drop_top(struct mailfile *, size_t n);
/*
 * Removes each of the n lines once, wherever it is; a line that is not there is
 * no error. For lines that a filter was shown on top of a message, above which
 * the filter may have put headers of its own.
 */
void	 mailfile_take_off(struct mailfile *, const struct mailfile_header *lines, size_t n);

/*
 * Adds one header with its line end to out. space: puts a space after the
 * colon, since that MTA leaves it out of the value. A LF in the value is a
 * fold; if no blank follows, one is put in, since the line would begin another
 * header. Parsing gives the same header again if name is printable ASCII
 * without a colon.
 */
void	 mailfile_write_header(struct buf *out, const char *name, int space,
	    const char *value, int crlf);
/* Adds "Name: value" with its line end; the folds must be right already. */
void	 mailfile_write_text(struct buf *out, const char *text, size_t len, int crlf);
/*
 * Adds the body as MTAs have it: with CRLF, also after a last line that lacks
 * its line end, since SMTP knows no such line.
 */
void	 mailfile_write_body(struct buf *out, const unsigned char *body, size_t len);
/*
 * Adds the empty line, if separator is set or there is a body, and the body,
 * with LF or CRLF.
 */
void	 mailfile_write_rest(struct buf *out, int separator, const unsigned char *body,
	    size_t len, int crlf);
/* Adds the whole message, with LF or CRLF. */
void	 mailfile_write(struct buf *out, const struct mailfile *, int crlf);

#endif
