/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/text.h: the text of a message, as files and filters have it, taken
 * apart and written. Pure.
 */
#ifndef PM_MAIL_TEXT_H
#define PM_MAIL_TEXT_H

#include <stddef.h>

#include "base/buf.h"

/* Bytes of a text, and headers in it, at most. */
#define MAILFILE_MAX		((size_t)1 << 30)
#define MAILFILE_MAX_HEADERS	((size_t)1000000)

struct mailfile_header {
	const char	*text;		/* "Name: value" and a NUL; folds are LF, none at the end */
	size_t		 len;		/* of text */
	size_t		 name_len;	/* text begins with the name; blanks may follow before the colon */
	size_t		 value;		/* where in text the value begins: right behind the colon */
};

struct mailfile {
	struct mailfile_header	*headers;	/* they point into memory of the mailfile */
	size_t			 count;
	const unsigned char	*body;		/* points into the text that was parsed, as it is there */
	size_t			 body_len;
	int			 separator;	/* an empty line ended the headers */
	int			 crlf;		/* the first line ended with CRLF */
	char			*store;
};

/*
 * Takes a text apart: LF, CRLF or both. The headers go up to the empty line,
 * or to the first line that is none and begins the body: so with a body but
 * no separator something stood between the headers that does not belong
 * there. An mbox line "From ..." on top is dropped. The text must live as
 * long as the body is used. Needs time and memory in proportion to the text.
 * Returns 0, or -1 with *why (a constant text) and nothing to free: a NUL in
 * a header, or too much of anything.
 */
int	 mailfile_parse(struct mailfile *, const void *text, size_t len, const char **why);
void	 mailfile_free(struct mailfile *);

/* Without the NUL; name_len bytes at the front of text are the name. */
static inline const char *
mailfile_value(const struct mailfile_header *h)
{
	return h->text + h->value;
}

/* 1 if both have the same name, spelled alike, and the same value, to the byte. */
int	 mailfile_same(const struct mailfile_header *, const struct mailfile_header *);

/* Takes the first n headers off. */
void	 mailfile_drop_top(struct mailfile *, size_t n);
/*
 * Takes each of the n lines off once, wherever it stands; one that is not
 * there is no matter. For what a filter was shown on top of a message, and
 * has perhaps put headers of its own above.
 */
void	 mailfile_take_off(struct mailfile *, const struct mailfile_header *lines, size_t n);

/*
 * Adds one header with its line end to out. space: one is put behind the
 * colon, as for the value of an MTA that keeps it to itself. A LF in the
 * value is a fold; where no blank follows it gets one, for else it would
 * begin something new. With a name of printable ASCII without colon, parsed
 * again it is the same.
 */
void	 mailfile_write_header(struct buf *out, const char *name, int space,
	    const char *value, int crlf);
/* The same for "Name: value" in one, whose folds are right. */
void	 mailfile_write_text(struct buf *out, const char *text, size_t len, int crlf);
/*
 * Adds the body as MTAs have it: CRLF, and a last line without its end gets
 * one, for SMTP knows no other.
 */
void	 mailfile_write_body(struct buf *out, const unsigned char *body, size_t len);
/* What stands behind the headers, with LF or CRLF: the empty line, if there is to be one. */
void	 mailfile_write_rest(struct buf *out, int separator, const unsigned char *body,
	    size_t len, int crlf);
/* Adds the whole, with LF or CRLF. */
void	 mailfile_write(struct buf *out, const struct mailfile *, int crlf);

#endif
