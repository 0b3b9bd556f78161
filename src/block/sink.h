/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/sink.h: what the files that write blocks share.
 */
#ifndef PM_BLOCK_SINK_H
#define PM_BLOCK_SINK_H

#include "block/block.h"

struct sink {
	struct session	*s;
	struct hstate	*h;
	struct message	*msg;		/* NULL: none, or it is over */
	enum event_kind	 event;
	unsigned int	 lines;		/* LINE_BITs that it takes */
	int		 complete;
	int		 over;		/* the message of an old task: the session alone is told */
	const struct spool *spool;	/* the message in files, or NULL */
	uint64_t	 bit;		/* of the handler; 0: what is told is not noted */
	struct buf	*out;
};

#define ADD(b, text)	buf_add((b), (text), sizeof(text) - 1)
#define PUT(k, key, value)	block_line((k), key " ", sizeof(key " ") - 1, (value))
#define PUT_NUMBER(k, key, n)	block_number((k), key " ", sizeof(key " ") - 1, (n))

/* 1 if the option `lines' of the handler, or the event itself, wants such lines. */
static inline int
block_takes(const struct sink *k, enum conf_line_name l)
{
	return (k->lines & LINE_BIT(l)) != 0;
}

/* block/state.c: one line; the key with its blank, of len bytes. */
void	 block_line(struct sink *, const char *key, size_t len, const char *value);
void	 block_number(struct sink *, const char *key, size_t len, uint64_t);
/* Lines of facts, which the events that bring them have too. */
void	 block_client(struct sink *);
void	 block_helo(struct sink *);
void	 block_sender(struct sink *);
void	 block_recipient(struct sink *, const struct mailbox *);
/* None of them counts as told: a complete block at rcpt leaves them out. */
void	 block_forget_recipients(struct sink *);
/* How many recipients, unless that is known. */
void	 block_count(struct sink *, unsigned int count, int always);
/* What stands before the event's own lines, and what behind them. */
void	 block_session(struct sink *, int changed);
void	 block_rest(struct sink *, int changed);

#endif
