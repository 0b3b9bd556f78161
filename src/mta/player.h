/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_player.h: one SMTP session played over one milter connection. Pure: it
 * writes packets into a buffer until it has to wait, and takes the replies one
 * by one.
 */
#ifndef PM_MTA_PLAYER_H
#define PM_MTA_PLAYER_H

#include <stddef.h>

#include "base/buf.h"
#include "milter/decode.h"
#include "mta/legal.h"
#include "mta/plan.h"

enum mta_result {
	MTA_DELIVERED,
	MTA_REJECTED,
	MTA_TEMPFAILED,
	MTA_DISCARDED,
	MTA_RESULTS
};

/* What became of a recipient, or of a message as a whole. */
struct mta_outcome {
	enum mta_result	 result;
	int		 command;	/* where it was decided; 0: nowhere */
	const char	*smtp;		/* plain text of a refusal; NULL */
};

struct mta_hooks {
	void	*arg;
	/* 1 if another message is to be played in this session. */
	int	(*more)(void *arg);
	void	(*message_begin)(void *arg, const char *queue_id);
	void	(*message_end)(void *arg, const struct mta_outcome *);
	/* These may be NULL. */
	/* Each packet that is sent, and each answer, that to SMFIC_OPTNEG included. */
	void	(*command)(void *arg, const struct milter_cmd *);
	void	(*reply)(void *arg, int command, const struct milter_reply *);
	/* The session ends without a QUIT. */
	void	(*closed)(void *arg);
	void	(*recipient)(void *arg, const struct mta_address *,
		    const struct mta_outcome *);
};

enum mta_state {
	MTA_WAIT,	/* for a reply; send what is in the buffer first */
	MTA_MORE,	/* enough is in the buffer: send it, then mta_player_advance() */
	MTA_QUIT,	/* the session is over: send what there is, then close */
	MTA_CLOSE,	/* the same, but without a QUIT, as Postfix does it */
	MTA_BROKEN	/* the filter broke the protocol: mta_player_error() */
};

/* Whoever plays the MTA over a connection. */
struct mta_side {
	void		*arg;
	/* Writes on until there is something to wait for. */
	enum mta_state	(*advance)(void *arg, struct buf *out);
	/* Takes the packet, and advances. */
	enum mta_state	(*reply)(void *arg, const struct milter_packet *, struct buf *out);
	/* The command (SMFIC_) whose answer is waited for, 0 if none. */
	int		(*waiting)(const void *arg);
	const char	*(*error)(const void *arg);
	unsigned int	 timeout;	/* seconds for every event; 0: as Postfix */
};

struct mta_player;

/* The first message is taken as granted; more() is asked from the second on. */
struct mta_player *mta_player_new(const struct mta_plan *, const struct mta_hooks *);
void	 mta_player_free(struct mta_player *);	/* NULL is nothing */
enum mta_state mta_player_advance(struct mta_player *, struct buf *out);
enum mta_state mta_player_reply(struct mta_player *, const struct milter_packet *,
	    struct buf *out);
const char *mta_player_error(const struct mta_player *);
/* The same for a connection. */
void	 mta_player_side(struct mta_player *, struct mta_side *);
/* How many events have been sent so far. */
size_t	 mta_player_events(const struct mta_player *);

#endif
