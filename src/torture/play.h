/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_play.h: a session played with the real thing in the middle: the
 * session makes the blocks and judges the answers as in the daemon, but its
 * processes are ours.
 */
#ifndef PM_TORTURE_PLAY_H
#define PM_TORTURE_PLAY_H

#include "torture/judge.h"

#define TORTURE_PIECES	0x1	/* blocks come in small pieces */
#define TORTURE_APART	0x2	/* each only once the one before was read, and a while passed */
#define TORTURE_AHEAD	0x4	/* to processes that were started before, without variables */

struct torture_answer {
	enum event_kind	 event;
	char		*signature;
};

struct torture_play {
	struct torture		*t;
	int			 mode;
	const struct buf	*packets;
	size_t			 at;
	struct session		*s;
	struct buf		 out;		/* towards the MTA */
	int			 wire;		/* the command in hand */
	int			 skipping;	/* to the next message, or the end */
	int			 ended;
	struct torture_proc	*proc;		/* that serves its scope */
	struct task		*asked;		/* waits for an answer */
	struct torture_reply	 reply;		/* as far as it was read */
	unsigned int		 nactions;
	size_t			 from;		/* where in proc->out it began */
	struct torture_answer	*answers;
	size_t			 nanswers;
	const char		*foreign;	/* a word of mail before it, or NULL; */
	unsigned int		 foreign_from;	/* looked for from this message on */
	int			 uses_set;	/* it keeps values in the session */
};

/*
 * Plays a session to its end. The answers are kept in the play. From the
 * message of that number on no answer may have the word, if it is not NULL.
 */
void	 torture_play(struct torture_play *, struct torture *, const struct torture_mail *, int mode,
	    const char *foreign, unsigned int foreign_from);
/* Several at a time, in one process: for concurrency. All packets are the same. */
void	 torture_play_together(struct torture *, const struct torture_mail *, size_t n);
void	 torture_play_free(struct torture_play *);
/* The process that is used again has done all: it is to end. */
void	 torture_retire(struct torture *);

#endif
