/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_emit.h: the inside of a player, and the packets it sends.
 */
#ifndef PM_MS_EMIT_H
#define PM_MS_EMIT_H

#include <stddef.h>

#include "base/buf.h"
#include "mta/legal.h"
#include "mta/packets.h"
#include "mta/player.h"

/* What is sent next. */
enum ms_stage {
	MS_STAGE_OPTNEG,
	MS_STAGE_CONNECT,
	MS_STAGE_HELO,
	MS_STAGE_MAIL,
	MS_STAGE_RCPT,
	MS_STAGE_DATA,
	MS_STAGE_HEADER,
	MS_STAGE_EOH,
	MS_STAGE_BODY,
	MS_STAGE_EOM,
	MS_STAGE_QUIT,
	MS_STAGE_CLOSE,		/* as QUIT, with nothing to send */
	MS_STAGE_QUIT_SENT,
	MS_STAGE_CLOSED,
	MS_STAGE_BROKEN
};

struct ms_player {
	const struct ms_plan	*plan;
	const struct ms_hooks	*hooks;
	struct ms_terms		 terms;
	struct ms_packets	*packets;	/* NULL before connect */
	enum ms_stage		 stage;
	int			 waiting;	/* SMFIC_, or 0 */
	size_t			 events;
	/* of the message */
	size_t			 rcpt;		/* the next one, or the one in question */
	size_t			 accepted, tempfailed;
	size_t			 header;	/* the next one */
	size_t			 body_off;
	enum ms_body		 body;
	char			 queue_id[MS_QUEUE_ID_LEN + 1];
	char			 error[512];
};

/* Sends what the stage has to send and goes to the next. */
void	 ms_emit_stage(struct ms_player *, struct buf *out);
/* The message is over: A, as Postfix sends it after each of them. */
void	 ms_emit_abort(struct ms_player *, struct buf *out);
void	 ms_emit_quit(struct ms_player *, struct buf *out);
/* The next recipient passed the filter, or was never shown to it. */
void	 ms_rcpt_accepted(struct ms_player *);
/* Names the message that begins. */
void	 ms_message_open(struct ms_player *);
/* Tells of the end, and says what stage follows. */
void	 ms_message_close(struct ms_player *, const struct ms_outcome *);

#endif
