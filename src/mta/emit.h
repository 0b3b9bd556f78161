/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_emit.h: the inside of a player, and the packets it sends.
 */
#ifndef PM_MTA_EMIT_H
#define PM_MTA_EMIT_H

#include <stddef.h>

#include "base/buf.h"
#include "mta/legal.h"
#include "mta/packets.h"
#include "mta/player.h"

/* What is sent next. */
enum mta_stage {
	MTA_STAGE_OPTNEG,
	MTA_STAGE_CONNECT,
	MTA_STAGE_HELO,
	MTA_STAGE_MAIL,
	MTA_STAGE_RCPT,
	MTA_STAGE_DATA,
	MTA_STAGE_HEADER,
	MTA_STAGE_EOH,
	MTA_STAGE_BODY,
	MTA_STAGE_EOM,
	MTA_STAGE_QUIT,
	MTA_STAGE_CLOSE,		/* as QUIT, with nothing to send */
	MTA_STAGE_QUIT_SENT,
	MTA_STAGE_CLOSED,
	MTA_STAGE_BROKEN
};

struct mta_player {
	const struct mta_plan	*plan;
	const struct mta_hooks	*hooks;
	struct mta_terms		 terms;
	struct mta_packets	*packets;	/* NULL before connect */
	enum mta_stage		 stage;
	int			 waiting;	/* SMFIC_, or 0 */
	size_t			 events;
	/* of the message */
	size_t			 rcpt;		/* the next one, or the one in question */
	size_t			 accepted, tempfailed;
	size_t			 header;	/* the next one */
	size_t			 body_off;
	enum mta_body		 body;
	char			 queue_id[MTA_QUEUE_ID_LEN + 1];
	char			 error[512];
};

/* Sends what the stage has to send and goes to the next. */
void	 mta_emit_stage(struct mta_player *, struct buf *out);
/* The message is over: A, as Postfix sends it after each of them. */
void	 mta_emit_abort(struct mta_player *, struct buf *out);
void	 mta_emit_quit(struct mta_player *, struct buf *out);
/* The next recipient passed the filter, or was never shown to it. */
void	 mta_rcpt_accepted(struct mta_player *);
/* Names the message that begins. */
void	 mta_message_open(struct mta_player *);
/* Tells of the end, and says what stage follows. */
void	 mta_message_close(struct mta_player *, const struct mta_outcome *);

#endif
