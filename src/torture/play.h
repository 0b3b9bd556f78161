/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/play.h: a session played with the real session code: it makes the
 * blocks and judges the replies as in the daemon, but the processes are ours.
 */
#ifndef PM_TORTURE_PLAY_H
#define PM_TORTURE_PLAY_H

#include "torture/judge.h"

#define TORTURE_PIECES	0x1	/* write blocks in small pieces */
#define TORTURE_APART	0x2	/* each block after the one before was read, and after a pause */
#define TORTURE_AHEAD	0x4	/* start processes before, without variables */

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
	struct buf		 out;		/* for the MTA */
	int			 wire;		/* the current command */
	int			 skipping;	/* until the next message or the end */
	int			 ended;
	struct torture_proc	*proc;		/* serves the scope; or NULL */
	struct task		*asked;		/* waits for an answer; or NULL */
	struct torture_reply	 reply;		/* as far as it has come */
	unsigned int		 nactions;
	size_t			 from;		/* offset of the reply in proc->out */
	struct torture_answer	*answers;
	size_t			 nanswers;
	const char		*foreign;	/* a word of earlier mail, or NULL */
	unsigned int		 foreign_from;	/* messages from this number on must not have it */
	int			 uses_set;	/* the handler keeps values in the session */
};

/*
 * Plays a session to its end; the play keeps the answers. If foreign is not
 * NULL, tells of answers with that word from message number foreign_from on.
 * Free the play with torture_play_free().
 */
void	 torture_play(struct torture_play *, struct torture *, const struct torture_mail *, int mode,
	    const char *foreign, unsigned int foreign_from);
/* Plays n sessions with the same packets at a time, in one process, for concurrency. */
void	 torture_play_together(struct torture *, const struct torture_mail *, size_t n);
void	 torture_play_free(struct torture_play *);
/* Ends the process that serves one session after the other, since it is done. */
void	 torture_retire(struct torture *);

#endif
