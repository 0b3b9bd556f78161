/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_legal.h: what a filter may answer to which command. The measure is both
 * MTAs: what one of them would fail the filter for, or take for something
 * else than was meant, is not legal.
 */
#ifndef PM_MTA_LEGAL_H
#define PM_MTA_LEGAL_H

#include <stdint.h>

#include "base/buf.h"
#include "milter/decode.h"
#include "milter/proto.h"

/* What was negotiated. */
struct mta_terms {
	uint32_t	 version, actions, protocol;
	char		*lists[SMFIM_COUNT];	/* macro lists of the filter; NULL */
};

/* What Postfix knows of a replacement of the body. */
enum mta_body {
	MTA_BODY_OLD,
	MTA_BODY_GROWING,
	MTA_BODY_OVER	/* something else came behind the last piece */
};

void	 mta_terms_free(struct mta_terms *);
/*
 * Judges the answer to the offer and takes it over. Returns 0, or -1 with
 * what was wrong and what was expected in why.
 */
int	 mta_legal_optneg(const struct mta_terms *offer, const struct milter_reply *,
	    struct mta_terms *, struct buf *why);
/*
 * Reads an answer to a command (SMFIC_, 0: none is due) and judges it, but
 * for an answer to the offer; as above. body is of this message.
 */
int	 mta_legal_packet(const struct mta_terms *, int command, const struct milter_packet *,
	    enum mta_body *body, struct milter_reply *, struct buf *why);

/* "rcpt", "end-of-message", "negotiate" ... */
const char *mta_command_name(int command);
/* "accept", "change-header" ...; "unknown" */
const char *mta_reply_name(int reply);
/* "packet 'p' (progress) " and the text. */
void	 mta_describe(struct buf *, int reply, const char *text);
/* 1 if the reply decides an event. */
int	 mta_reply_is_final(int reply);

#endif
