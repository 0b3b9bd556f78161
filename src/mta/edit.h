/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_edit.h: what becomes of a message: the filter's modifications, applied
 * as Postfix applies them. Pure.
 */
#ifndef PM_MS_EDIT_H
#define PM_MS_EDIT_H

#include <stddef.h>

#include "base/compat.h"
#include "base/buf.h"
#include "milter/decode.h"
#include "mta/message.h"

struct ms_rcpt {
	TAILQ_ENTRY(ms_rcpt)	 entry;
	char			*address;	/* with brackets */
};
TAILQ_HEAD(ms_rcpts, ms_rcpt);

struct ms_edit {
	/* The MTA's own Received stands first, until a filter inserts above it. */
	struct ms_headers	 headers;
	struct ms_header	*own;
	struct ms_rcpts		 rcpts;
	char			*sender;
	char			*reason;	/* of a quarantine; NULL */
	const unsigned char	*old_body;
	size_t			 old_len;
	struct buf		 body;		/* the new one */
	int			 body_replaced;
	int			 separator;
	int			 leadspc;	/* SMFIP_HDR_LEADSPC was negotiated */
};

/* The message must live as long as this does. */
void	 ms_edit_init(struct ms_edit *, const struct ms_message *, const char *sender);
void	 ms_edit_free(struct ms_edit *);
/* A recipient that the filter let pass; address has brackets. */
void	 ms_edit_rcpt(struct ms_edit *, const char *address);
size_t	 ms_edit_count_rcpts(const struct ms_edit *);
/*
 * Applies one reply that is legal and no verdict. Returns NULL, or what is
 * odd about it in a few words: it had no effect, or not the one meant.
 */
const char *ms_edit_apply(struct ms_edit *, const struct milter_reply *);
/* The message as it would be delivered, without the MTA's own Received. */
void	 ms_edit_write(struct ms_edit *, int crlf, struct buf *out);

/* Adds the address to out, with brackets if it has none. */
void	 ms_bracket(struct buf *out, const char *address);

#endif
