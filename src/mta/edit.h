/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/edit.h: what becomes of a message: applies the modifications of a filter
 * as Postfix applies them. Pure.
 */
#ifndef PM_MTA_EDIT_H
#define PM_MTA_EDIT_H

#include <stddef.h>

#include "base/compat.h"
#include "base/buf.h"
#include "milter/decode.h"
#include "mta/message.h"

struct mta_rcpt {
	TAILQ_ENTRY(mta_rcpt)	 entry;
	char			*address;	/* with brackets */
};
TAILQ_HEAD(mta_rcpts, mta_rcpt);

struct mta_edit {
	/* The MTA's own Received is first until a filter inserts above it. */
	struct mta_headers	 headers;
	struct mta_header	*own;
	struct mta_rcpts	 rcpts;
	char			*sender;
	char			*reason;	/* of a quarantine, or NULL */
	const unsigned char	*old_body;
	size_t			 old_len;
	struct buf		 body;		/* the new one, if body_replaced */
	int			 body_replaced;
	int			 separator;
	int			 leadspc;	/* SMFIP_HDR_LEADSPC was negotiated */
};

/* The message must live as long as the edit. */
void	 mta_edit_init(struct mta_edit *, const struct mta_message *, const char *sender);
void	 mta_edit_free(struct mta_edit *);
/* Adds a recipient that the filter accepted; address has brackets. */
void	 mta_edit_rcpt(struct mta_edit *, const char *address);
/* How many recipients are left. */
size_t	 mta_edit_count_rcpts(const struct mta_edit *);
/*
 * Applies one legal reply that is no verdict. Returns NULL, or what is odd
 * about it (a constant text): it had no effect, or another one than it says.
 */
const char *mta_edit_apply(struct mta_edit *, const struct milter_reply *);
/* Adds the message as it would be delivered, without the MTA's own Received. */
void	 mta_edit_write(struct mta_edit *, int crlf, struct buf *out);

/* Adds the address to out, with brackets if it has none. */
void	 mta_bracket(struct buf *out, const char *address);

#endif
