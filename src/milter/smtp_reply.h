/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/smtp_reply.h: the SMTP reply of a refusal, from what a handler said to the
 * text that both MTAs take (Sendmail replaces a whole reply by a permanent
 * one for a single %; Postfix drops the connection for a digit at the
 * beginning of the text).
 */
#ifndef PM_MILTER_SMTP_REPLY_H
#define PM_MILTER_SMTP_REPLY_H

#include "base/buf.h"
#include "milter/verdict.h"

#define SMTP_REPLY_MAX_LINES	32
#define SMTP_REPLY_MAX_LINE	480	/* bytes of text in a line */

struct smtp_reply {
	int	 code;		/* as given, three digits; 0: none was given */
	char	 enhanced[12];	/* "5.7.1"; "": none was given */
	char	*text;		/* raw, LF between lines, malloc'd; NULL: none */
};

/* What had to be mended, as bits. */
#define SMTP_REPLY_BAD_CODE	0x1	/* not a 4xx for tempfail, 5xx for reject */
#define SMTP_REPLY_BAD_CLASS	0x2	/* enhanced code of another class, or out of range */
#define SMTP_REPLY_CUT		0x4	/* too many or too long lines */
#define SMTP_REPLY_BAD_BYTES	0x8	/* something not printable ASCII */

/*
 * Takes "[CODE] [X.Y.Z] [TEXT]" apart: CODE is a first word of three digits,
 * X.Y.Z a first or second word of that form. rest has been unescaped, so it
 * may hold line feeds; it is not changed. The result's text is the caller's
 * to free with smtp_reply_free().
 */
void	 smtp_reply_parse(const char *rest, struct smtp_reply *);
void	 smtp_reply_free(struct smtp_reply *);
void	 smtp_reply_copy(struct smtp_reply *to, const struct smtp_reply *from);

/*
 * Completes a reply for VD_REJECT, VD_TEMPFAIL or VD_SHUTDOWN (always 421
 * 4.7.0): a wrong code or class becomes the default (550 5.7.1, 451 4.7.1), a
 * missing text is made up, the text is cut, and what is not printable ASCII
 * becomes '?'. Returns SMTP_REPLY_ bits for what had to be mended.
 */
int	 smtp_reply_complete(enum verdict, struct smtp_reply *);

/*
 * The text of the milter packet 'y' of a completed reply: the code and
 * enhanced code on every line, CRLF between lines, % doubled, at most
 * SMTP_REPLY_MAX_LINES lines of SMTP_REPLY_MAX_LINE bytes, ASCII only. The
 * NUL is not added.
 */
void	 smtp_reply_wire(const struct smtp_reply *, struct buf *out);

#endif
