/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_legal.h: what a filter may answer to which command. The measure is both
 * MTAs: what one of them would fail the filter for, or take for something
 * else than was meant, is not legal.
 */
#ifndef PM_MS_LEGAL_H
#define PM_MS_LEGAL_H

#include <stdint.h>

#include "base/buf.h"
#include "milter/decode.h"
#include "milter/proto.h"

/* What was negotiated. */
struct ms_terms {
	uint32_t	 version, actions, protocol;
	char		*lists[SMFIM_COUNT];	/* macro lists of the filter; NULL */
};

/* What Postfix knows of a replacement of the body. */
enum ms_body {
	MS_BODY_OLD,
	MS_BODY_GROWING,
	MS_BODY_OVER	/* something else came behind the last piece */
};

void	 ms_terms_free(struct ms_terms *);
/*
 * Judges the answer to the offer and takes it over. Returns 0, or -1 with
 * what was wrong and what was expected in why.
 */
int	 ms_legal_optneg(const struct ms_terms *offer, const struct milter_reply *,
	    struct ms_terms *, struct buf *why);
/*
 * Reads an answer to a command (SMFIC_, 0: none is due) and judges it, but
 * for an answer to the offer; as above. body is of this message.
 */
int	 ms_legal_packet(const struct ms_terms *, int command, const struct milter_packet *,
	    enum ms_body *body, struct milter_reply *, struct buf *why);

/* "rcpt", "end-of-message", "negotiate" ... */
const char *ms_command_name(int command);
/* "accept", "change-header" ...; "unknown" */
const char *ms_reply_name(int reply);
/* "packet 'p' (progress) " and the text. */
void	 ms_describe(struct buf *, int reply, const char *text);
/* 1 if the reply decides an event. */
int	 ms_reply_is_final(int reply);

#endif
