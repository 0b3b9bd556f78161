/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/smtp_reply.h: the SMTP reply of a refusal, from the words of a handler
 * to the text that both MTAs accept. Pure. For a single % Sendmail replaces the
 * whole reply by a permanent one; for a digit at the beginning of the text
 * Postfix drops the connection.
 */
#ifndef PM_MILTER_SMTP_REPLY_H
#define PM_MILTER_SMTP_REPLY_H

#include "base/buf.h"
#include "milter/verdict.h"

#define SMTP_REPLY_MAX_LINES	32
#define SMTP_REPLY_MAX_LINE	480	/* bytes of text in a line */

struct smtp_reply {
	int	 code;		/* as given, three digits; 0: none given */
	char	 enhanced[12];	/* "5.7.1"; "": none given */
	char	*text;		/* raw, LF between lines, malloc'd; NULL: none */
};

/* Bits for what smtp_reply_complete() had to mend. */
#define SMTP_REPLY_BAD_CODE	0x1	/* not 4xx for tempfail, not 5xx for reject */
#define SMTP_REPLY_BAD_CLASS	0x2	/* enhanced code of another class, or out of range */
#define SMTP_REPLY_CUT		0x4	/* too many lines, or lines that are too long */
#define SMTP_REPLY_BAD_BYTES	0x8	/* bytes other than printable ASCII */

/*
 * Parses "[CODE] [X.Y.Z] [TEXT]": CODE is a first word of three digits, X.Y.Z a
 * first or second word of that form. rest is unescaped, so it may hold line
 * feeds; it is not changed. The caller frees the result with smtp_reply_free().
 */
void	 smtp_reply_parse(const char *rest, struct smtp_reply *);
void	 smtp_reply_free(struct smtp_reply *);
/* Copies from, with its text; free to with smtp_reply_free(). */
void	 smtp_reply_copy(struct smtp_reply *to, const struct smtp_reply *from);

/*
 * Completes a reply for VD_REJECT, VD_TEMPFAIL or VD_SHUTDOWN (always 421
 * 4.7.0): a wrong code or class becomes the default (550 5.7.1, 451 4.7.1), a
 * missing text is filled in, a text that is too long is cut, and bytes other
 * than printable ASCII become '?'. Returns the SMTP_REPLY_ bits for what it
 * mended.
 */
int	 smtp_reply_complete(enum verdict, struct smtp_reply *);

/*
 * Adds the text of the milter packet 'y' for a completed reply: the code and
 * the enhanced code on every line, CRLF between lines, % doubled, at most
 * SMTP_REPLY_MAX_LINES lines of SMTP_REPLY_MAX_LINE bytes, ASCII only. The NUL
 * is not added.
 */
void	 smtp_reply_wire(const struct smtp_reply *, struct buf *out);

#endif
