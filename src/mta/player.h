/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/player.h: one SMTP session played over one milter connection. Pure: the
 * player writes packets into a buffer until it has to wait, and takes the
 * replies one by one.
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

/* What became of a recipient, or of the whole message. */
struct mta_outcome {
	enum mta_result	 result;
	int		 command;	/* SMFIC_ where it was decided; 0: nowhere */
	const char	*smtp;		/* plain text of a refusal, or NULL */
};

struct mta_hooks {
	void	*arg;
	/* Returns 1 if another message is to be played in this session. */
	int	(*more)(void *arg);
	void	(*message_begin)(void *arg, const char *queue_id);
	void	(*message_end)(void *arg, const struct mta_outcome *);
	/* The hooks below may be NULL. */
	/*
	 * Called for each packet that is sent, and for each answer, also that
	 * to SMFIC_OPTNEG.
	 */
	void	(*command)(void *arg, const struct milter_cmd *);
	void	(*reply)(void *arg, int command, const struct milter_reply *);
	/* Called if the session ends without a QUIT. */
	void	(*closed)(void *arg);
	void	(*recipient)(void *arg, const struct mta_address *,
		    const struct mta_outcome *);
};

enum mta_state {
	MTA_WAIT,	/* send the buffer, then wait for a reply */
	MTA_MORE,	/* send the buffer, then mta_player_advance() */
	MTA_QUIT,	/* the session is over: send the buffer, then close */
	MTA_CLOSE,	/* the same without a QUIT, as Postfix does */
	MTA_BROKEN	/* the filter broke the protocol: mta_player_error() */
};

/* The side of the MTA in a connection: a player, or a replay. */
struct mta_side {
	void		*arg;
	/* Adds packets until there is something to wait for. */
	enum mta_state	(*advance)(void *arg, struct buf *out);
	/* Takes a reply, then advances. */
	enum mta_state	(*reply)(void *arg, const struct milter_packet *, struct buf *out);
	/* The command (SMFIC_) to be answered, or 0. */
	int		(*waiting)(const void *arg);
	const char	*(*error)(const void *arg);
	unsigned int	 timeout;	/* seconds for every event; 0: as Postfix */
};

struct mta_player;

/*
 * The first message is played in any case; more() is asked before each further
 * one. plan and hooks must live as long as the player.
 */
struct mta_player *mta_player_new(const struct mta_plan *, const struct mta_hooks *);
void	 mta_player_free(struct mta_player *);	/* NULL is allowed */
/* Adds packets to out until there is something to wait for, or enough to send. */
enum mta_state mta_player_advance(struct mta_player *, struct buf *out);
/* Takes a reply that was waited for, then adds what follows to out. */
enum mta_state mta_player_reply(struct mta_player *, const struct milter_packet *,
	    struct buf *out);
/* What was wrong after MTA_BROKEN; lives as long as the player. */
const char *mta_player_error(const struct mta_player *);
/* Fills in the side of this player, for a connection. */
void	 mta_player_side(struct mta_player *, struct mta_side *);
/* The number of events sent so far. */
size_t	 mta_player_events(const struct mta_player *);

#endif
