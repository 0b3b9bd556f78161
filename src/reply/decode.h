/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/decode.h: what a handler writes (pipemilter-handler(7), REPLIES),
 * parsed line by line as it arrives. Pure. Whether an event allows a verdict or
 * an action is not judged here.
 */
#ifndef PM_REPLY_DECODE_H
#define PM_REPLY_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "milter/action.h"
#include "milter/smtp_reply.h"

struct reply_limits {
	size_t	 max_line;	/* bytes of a line without its end */
	size_t	 max_body;	/* largest LENGTH of replace-body */
	int	 keep_newlines;	/* option newlines = crlf: line ends of a body stay */
	int	 with_id;	/* each reply begins with a line `event-id N' */
};

enum reply_item {
	REPLY_MORE,	/* all bytes were consumed; more are needed */
	REPLY_ACTION,	/* *action is set; the caller frees it */
	REPLY_VERDICT,	/* the reply is complete: see reply_verdict(), reply_smtp() */
	REPLY_ERROR,	/* see reply_why(), reply_line(); nothing more is read */
	REPLY_ID	/* with_id: reply_id() is the event that the next lines answer */
};

/* The kind of an error, for a guess at its cause. */
enum reply_fault {
	REPLY_FAULT_NONE,	/* no error */
	REPLY_FAULT_BLANK,	/* the line begins with a blank */
	REPLY_FAULT_KEYWORD,	/* its first word is no keyword */
	REPLY_FAULT_SPELLING,	/* a keyword but for its case or a colon after it */
	REPLY_FAULT_MEMORY,	/* there was not enough for it */
	REPLY_FAULT_OTHER
};

struct reply_dec;

/* limits is copied. Free the decoder with reply_dec_free(), which accepts NULL. */
struct reply_dec *reply_dec_new(const struct reply_limits *);
void	 reply_dec_free(struct reply_dec *);

/*
 * Reads bytes until an item is complete. *used is how many of the len bytes
 * were consumed: call again with the rest. Empty lines, and a CR before the LF
 * of a line, are ignored. After a verdict or an error each call returns the
 * same item and reads nothing.
 */
enum reply_item reply_dec_feed(struct reply_dec *, const void *, size_t len,
	    size_t *used, struct action **action);
/*
 * Call at the end of the output. Reads a last line without its line feed as if
 * it had one. REPLY_MORE: there was none, or an empty one. A body that is not
 * complete is an error.
 */
enum reply_item reply_dec_eof(struct reply_dec *, struct action **action);
/* The number of bytes of an unfinished line or body. */
size_t	 reply_dec_pending(const struct reply_dec *);
/* After a verdict: makes ready for the next reply of the same process. */
void	 reply_dec_next(struct reply_dec *);

/* What belongs to an item: valid until the next call that reads. */
uint64_t	 reply_id(const struct reply_dec *);
enum verdict	 reply_verdict(const struct reply_dec *);
/* The SMTP reply of reject, tempfail or shutdown (text only), as given; never NULL. */
const struct smtp_reply *reply_smtp(const struct reply_dec *);
/* What is wrong, a constant text such as "unknown keyword". */
const char	*reply_why(const struct reply_dec *);
enum reply_fault reply_fault(const struct reply_dec *);
/* The wrong line, raw, cut to 200 bytes; *len is its length. */
const char	*reply_line(const struct reply_dec *, size_t *len);

/*
 * Parses "VERDICT [CODE] [X.Y.Z] [TEXT]", as in on-failure and on-exit. Returns
 * 0 and sets both, or returns -1. The caller frees smtp with smtp_reply_free().
 */
int	 reply_parse_verdict(const char *line, enum verdict *, struct smtp_reply *);

#endif
