/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/replay.h: plays a transcript, with a milter connection for each of its
 * sessions, and compares the answers.
 *
 * The replay sends the MTA's part of the transcript as far as an MTA would send it
 * after the answers that it gets now:
 *
 *  - an event that the filter does not ask for now is not sent, and counts
 *    as answered with continue;
 *  - if an answer ends a message or a session that goes on in the file, the
 *    rest of that message or session is not sent; neither is the rest of a
 *    message whose recipients were all refused;
 *  - if a message is over now but not in the file, or the other way round,
 *    abort is sent before what comes next.
 */
#ifndef PM_SEND_REPLAY_H
#define PM_SEND_REPLAY_H

#include <stdio.h>

#include "mta/legal.h"
#include "mta/player.h"
#include "transcript/transcript.h"

enum send_skip {
	SEND_SKIP_NOTHING,
	SEND_SKIP_BODY,		/* the filter wants no more of it */
	SEND_SKIP_MESSAGE,
	SEND_SKIP_SESSION
};

struct send_replay {
	const struct transcript_file	*file;
	const char			*name;		/* name of the file */
	FILE				*to;
	int				 verbose;
	size_t				 next;		/* index of the next item */
	const struct transcript_item	*asked;		/* waits for its answer; or NULL */
	enum mta_state			 over;		/* MTA_QUIT or MTA_CLOSE, or MTA_WAIT */
	int				 told_over;	/* the caller knows that it is over */
	struct mta_terms		 terms;
	enum mta_body			 body;
	enum send_skip			 skip;
	int				 owes_abort;	/* send abort before the next message */
	size_t				 accepted, accepted_then; /* recipients now, and then */
	struct transcript		 transcript;	/* the new one */
	struct buf			 text;		/* its last command or answer */
	size_t				 session, message; /* numbers, from 1 */
	uint32_t			 told;		/* SMFIP_ bits that were noted */
	size_t				 messages, answers, different, unplayed;
	char				 error[640];
};

/*
 * file must have been parsed and must live as long as the replay. verbose:
 * prints the new transcript too.
 */
void	 send_replay_init(struct send_replay *, const struct transcript_file *, const char *name,
	    FILE *to, int verbose);
void	 send_replay_free(struct send_replay *);
/* The number of connections that it needs. */
size_t	 send_replay_sessions(const struct send_replay *);
/* Fills in the side for a connection. timeout: seconds for each event; 0: as Postfix. */
void	 send_replay_side(struct send_replay *, unsigned int timeout, struct mta_side *);
/* Prints the last line, with the numbers of everything (send/replay_diff.c). */
void	 send_replay_summary(const struct send_replay *);

/*
 * send/replay_diff.c: compares an answer of n lines with the one in the file,
 * and prints the difference. Leaves out progress. note: a constant text that
 * says why there is no answer, or NULL.
 */
void	 send_replay_compare(struct send_replay *, const struct transcript_item *,
	    const struct transcript_line *, size_t n, const char *note);
/* Prints a line about a block. */
void	 send_replay_note(const struct send_replay *, const struct transcript_item *,
	    const char *text);

/* send/replay_follow.c: the last line of an answer; "continue" if n is 0. */
const char *send_replay_verdict(const struct transcript_line *, size_t n);
/* Acts on the verdict of now if it means something other than that of the file. */
void	 send_replay_follow(struct send_replay *, const struct transcript_item *,
	    const char *verdict);
/* Skips the rest of the body, message or session, from this block on, and says so. */
void	 send_replay_skip(struct send_replay *, const struct transcript_item *, enum send_skip);

#endif
