/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/sink.h: what block.c and restart.c share; nobody else includes it.
 */
#ifndef PM_BLOCK_SINK_H
#define PM_BLOCK_SINK_H

#include "state/state.h"

/* A block that is being written. */
struct sink {
	struct session	*s;
	struct hstate	*h;
	struct message	*msg;		/* NULL: none, or it is over */
	enum event_kind	 event;
	unsigned int	 lines;		/* LINE_BITs that the block may have */
	int		 complete;
	int		 again;		/* it is made again: recipients with the mark `own' stay out */
	int		 over;		/* the task's message is over: only facts of the session */
	const struct spool *spool;	/* the message in files, or NULL */
	uint64_t	 bit;		/* of the handler; 0: what is told is not noted */
	struct buf	*out;
};

/* Prepares to write the block of a task to out. msg, again, over and what is told: the caller. */
void	 block_sink_init(struct sink *, struct session *, const struct task *, struct buf *out);
/* The facts that stand before the event's own lines. changed: some may be new to the reader. */
void	 block_put_before_own(struct sink *, int changed);
/* The facts that stand after them. */
void	 block_put_after_own(struct sink *, int changed);
void	 block_put_recipient(struct sink *, const struct mailbox *);

#endif
