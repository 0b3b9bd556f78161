/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_replay.h: plays a transcript over a milter connection for each of its
 * sessions, and compares the answers.
 *
 * What is sent is the MTA's part of the transcript, as far as an MTA would
 * send it after the answers that it gets now:
 *
 *  - an event that was not asked for this time is not sent, and counts as
 *    answered with continue;
 *  - after an answer that ends a message or a session, where the transcript
 *    goes on, the rest of that message or session is not sent, nor is the
 *    rest of a message all of whose recipients were refused;
 *  - where a message is over for one side alone, abort is sent before what
 *    comes next.
 */
#ifndef PM_SEND_REPLAY_H
#define PM_SEND_REPLAY_H

#include <stdio.h>

#include "mta/legal.h"
#include "mta/player.h"
#include "transcript/transcript.h"

enum send_skip {
	SEND_SKIP_NOTHING,
	SEND_SKIP_BODY,		/* the filter has seen enough of it */
	SEND_SKIP_MESSAGE,
	SEND_SKIP_SESSION
};

struct send_replay {
	const struct transcript_file	*file;
	const char			*name;		/* of the file */
	FILE				*to;
	int				 verbose;
	size_t				 next;		/* item */
	const struct transcript_item	*asked;		/* its answer is waited for; NULL */
	enum mta_state			 over;		/* MTA_QUIT or MTA_CLOSE; MTA_WAIT before */
	int				 told_over;	/* and that was said */
	struct mta_terms			 terms;
	enum mta_body			 body;
	enum send_skip			 skip;
	int				 owes_abort;	/* before the next message */
	size_t				 accepted, accepted_then; /* recipients */
	struct transcript		 transcript;	/* of this time */
	struct buf			 text;		/* of it: the last command, or answer */
	size_t				 session, message; /* numbers */
	uint32_t			 told;		/* bits of events that the file lacks */
	size_t				 messages, answers, different, unplayed;
	char				 error[640];
};

/* The file must have been parsed; verbose: print the new transcript too. */
void	 send_replay_init(struct send_replay *, const struct transcript_file *, const char *name,
	    FILE *to, int verbose);
void	 send_replay_free(struct send_replay *);
/* How many connections it takes. */
size_t	 send_replay_sessions(const struct send_replay *);
/* timeout: seconds for each event; 0: as Postfix. */
void	 send_replay_side(struct send_replay *, unsigned int timeout, struct mta_side *);
/* Prints what it came to. */
void	 send_replay_summary(const struct send_replay *);

/*
 * send_replay_diff.c: compares an answer, lines that stand one behind the other,
 * with the one in the file, and prints the difference. progress is left out.
 * note is a constant text that says why there is no answer, or NULL.
 */
void	 send_replay_compare(struct send_replay *, const struct transcript_item *,
	    const struct transcript_line *, size_t n, const char *note);
/* Prints a line about a block. */
void	 send_replay_note(const struct send_replay *, const struct transcript_item *,
	    const char *text);

/* send_replay_follow.c: the last line of an answer, with none: continue. */
const char *send_replay_verdict(const struct transcript_line *, size_t n);
/* What follows from the verdict of this time where that of the file was another one. */
void	 send_replay_follow(struct send_replay *, const struct transcript_item *,
	    const char *verdict);
/* The rest of a message or session is not played, from this block on. */
void	 send_replay_skip(struct send_replay *, const struct transcript_item *, enum send_skip);

#endif
