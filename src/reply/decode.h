/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/decode.h: what a handler writes (pipemilter-handler(7), REPLIES), taken
 * apart line by line as it arrives. Pure: whether a verdict or an action is
 * allowed at an event is judged elsewhere.
 */
#ifndef PM_REPLY_DECODE_H
#define PM_REPLY_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "milter/action.h"
#include "milter/smtp_reply.h"

struct reply_limits {
	size_t	 max_line;	/* bytes of a line without its end */
	size_t	 max_body;	/* LENGTH of replace-body at most */
	int	 keep_newlines;	/* the option newlines = crlf: a body is taken as it is */
	int	 with_id;	/* a reply begins with a line `event-id N' */
};

enum reply_item {
	REPLY_MORE,	/* all of it was consumed, and more is needed */
	REPLY_ACTION,	/* *action is set and the caller's to free */
	REPLY_VERDICT,	/* the reply is complete: reply_verdict(), reply_smtp() */
	REPLY_ERROR,	/* reply_why(), reply_line(); nothing further is read */
	REPLY_ID	/* with_id: reply_id() says what the lines to come answer */
};

/* What kind of error it was, for those who guess at its cause. */
enum reply_fault {
	REPLY_FAULT_NONE,	/* there was none */
	REPLY_FAULT_BLANK,	/* the line begins with a blank */
	REPLY_FAULT_KEYWORD,	/* its first word is no keyword */
	REPLY_FAULT_SPELLING,	/* but for capitals, or the colon behind it, it would be one */
	REPLY_FAULT_OTHER
};

struct reply_dec;

struct reply_dec *reply_dec_new(const struct reply_limits *);
void	 reply_dec_free(struct reply_dec *);

/*
 * Reads bytes until an item is complete. *used says how many of len were
 * consumed: call again with the rest. Empty lines, and a CR before a line's
 * LF, are ignored. After a verdict or an error each call says so again and
 * reads nothing.
 */
enum reply_item reply_dec_feed(struct reply_dec *, const void *, size_t len,
	    size_t *used, struct action **action);
/*
 * The output has ended: a last line without line feed is read as if it had
 * one. MORE: there was none, or an empty one. A body that is not complete is
 * an error.
 */
enum reply_item reply_dec_eof(struct reply_dec *, struct action **action);
/* Bytes of an unfinished line or body that wait. */
size_t	 reply_dec_pending(const struct reply_dec *);
/* Behind a verdict: ready for the next reply of the same process. */
void	 reply_dec_next(struct reply_dec *);

uint64_t	 reply_id(const struct reply_dec *);
enum verdict	 reply_verdict(const struct reply_dec *);
/* Of reject, tempfail and shutdown (only its text), as given; never NULL. */
const struct smtp_reply *reply_smtp(const struct reply_dec *);
/* What is wrong, a constant text such as "unknown keyword". */
const char	*reply_why(const struct reply_dec *);
enum reply_fault reply_fault(const struct reply_dec *);
/* The line at fault, raw, cut to 200 bytes; *len is its length. */
const char	*reply_line(const struct reply_dec *, size_t *len);

/*
 * "VERDICT [CODE] [X.Y.Z] [TEXT]" as on-failure and on-exit have it. Returns
 * 0 and fills in both, or -1.
 */
int	 reply_parse_verdict(const char *line, enum verdict *, struct smtp_reply *);

#endif
