/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_player.h: one SMTP session played over one milter connection. Pure: it
 * writes packets into a buffer until it has to wait, and takes the replies one
 * by one.
 */
#ifndef PM_MS_PLAYER_H
#define PM_MS_PLAYER_H

#include <stddef.h>

#include "base/buf.h"
#include "milter/decode.h"
#include "mta/legal.h"
#include "mta/plan.h"

enum ms_result {
	MS_DELIVERED,
	MS_REJECTED,
	MS_TEMPFAILED,
	MS_DISCARDED,
	MS_RESULTS
};

/* What became of a recipient, or of a message as a whole. */
struct ms_outcome {
	enum ms_result	 result;
	int		 command;	/* where it was decided; 0: nowhere */
	const char	*smtp;		/* plain text of a refusal; NULL */
};

struct ms_hooks {
	void	*arg;
	/* 1 if another message is to be played in this session. */
	int	(*more)(void *arg);
	void	(*message_begin)(void *arg, const char *queue_id);
	void	(*message_end)(void *arg, const struct ms_outcome *);
	/* These may be NULL. */
	/* Each packet that is sent, and each answer, that to SMFIC_OPTNEG included. */
	void	(*command)(void *arg, const struct milter_cmd *);
	void	(*reply)(void *arg, int command, const struct milter_reply *);
	/* The session ends without a QUIT. */
	void	(*closed)(void *arg);
	void	(*recipient)(void *arg, const struct ms_address *,
		    const struct ms_outcome *);
};

enum ms_state {
	MS_WAIT,	/* for a reply; send what is in the buffer first */
	MS_MORE,	/* enough is in the buffer: send it, then ms_player_advance() */
	MS_QUIT,	/* the session is over: send what there is, then close */
	MS_CLOSE,	/* the same, but without a QUIT, as Postfix does it */
	MS_BROKEN	/* the filter broke the protocol: ms_player_error() */
};

/* Whoever plays the MTA over a connection. */
struct ms_side {
	void		*arg;
	/* Writes on until there is something to wait for. */
	enum ms_state	(*advance)(void *arg, struct buf *out);
	/* Takes the packet, and advances. */
	enum ms_state	(*reply)(void *arg, const struct milter_packet *, struct buf *out);
	/* The command (SMFIC_) whose answer is waited for, 0 if none. */
	int		(*waiting)(const void *arg);
	const char	*(*error)(const void *arg);
	unsigned int	 timeout;	/* seconds for every event; 0: as Postfix */
};

struct ms_player;

/* The first message is taken as granted; more() is asked from the second on. */
struct ms_player *ms_player_new(const struct ms_plan *, const struct ms_hooks *);
void	 ms_player_free(struct ms_player *);	/* NULL is nothing */
enum ms_state ms_player_advance(struct ms_player *, struct buf *out);
enum ms_state ms_player_reply(struct ms_player *, const struct milter_packet *,
	    struct buf *out);
const char *ms_player_error(const struct ms_player *);
/* The same for a connection. */
void	 ms_player_side(struct ms_player *, struct ms_side *);
/* How many events have been sent so far. */
size_t	 ms_player_events(const struct ms_player *);

#endif
