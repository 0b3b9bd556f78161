/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/legal.h: what a filter may answer to which command. Pure. An answer is
 * legal only if it is legal in both MTAs: if neither of them fails the filter
 * for it or understands something else than was meant.
 */
#ifndef PM_MTA_LEGAL_H
#define PM_MTA_LEGAL_H

#include <stdint.h>

#include "base/buf.h"
#include "milter/decode.h"
#include "milter/proto.h"

/* The terms that the MTA and the filter agreed on. */
struct mta_terms {
	uint32_t	 version, actions, protocol;
	char		*lists[SMFIM_COUNT];	/* the filter's macro lists by SMFIM_; NULL: none */
};

/* What Postfix has seen of a new body. */
enum mta_body {
	MTA_BODY_OLD,
	MTA_BODY_GROWING,
	MTA_BODY_OVER	/* another packet came after its last piece */
};

void	 mta_terms_free(struct mta_terms *);
/*
 * Judges the answer to the offer and takes over its terms. Returns 0, or -1
 * with what was wrong and what was expected in why.
 */
int	 mta_legal_optneg(const struct mta_terms *offer, const struct milter_reply *,
	    struct mta_terms *, struct buf *why);
/*
 * Decodes the answer to a command (SMFIC_; 0: none is due) and judges it,
 * except an answer to the offer. *body is kept for each message. Returns as
 * mta_legal_optneg().
 */
int	 mta_legal_packet(const struct mta_terms *, int command, const struct milter_packet *,
	    enum mta_body *body, struct milter_reply *, struct buf *why);

/*
 * The event of a command: "rcpt", "end-of-message", "negotiate" or, for others,
 * "unknown".
 */
const char *mta_command_name(int command);
/* The word for a reply: "accept", "change-header", or "unknown". */
const char *mta_reply_name(int reply);
/* Adds "packet 'p' (progress) " and the text. */
void	 mta_describe(struct buf *, int reply, const char *text);
/* 1 if the reply decides an event. */
int	 mta_reply_is_final(int reply);

#endif
