/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_mail.h: sessions as an MTA would send them, all legal and few of
 * them nice, as packets of the milter protocol. Pure.
 */
#ifndef PM_TORTURE_MAIL_H
#define PM_TORTURE_MAIL_H

#include "base/buf.h"
#include "torture/values.h"
#include "state/negotiate.h"

/* The word in a message that is aborted. */
#define TORTURE_ABORTED	"brokenoff"
#define TORTURE_LONG	"Subject"	/* has values of all sizes */

/* What all of them are made for; a session ends with the packets. */
struct torture_mail {
	const struct negotiated	*neg;
	struct buf		 packets;
	unsigned int		 count;		/* of messages, for queue ids */
};

void	 torture_mail_init(struct torture_mail *, const struct negotiated *);
void	 torture_mail_free(struct torture_mail *);
void	 torture_mail_reset(struct torture_mail *);

/* The client, by a number: others have other names and addresses. */
void	 torture_mail_client(struct torture_mail *, unsigned int client);
/*
 * An ordinary message. All its values have the word; with other set it has no
 * Subject and one recipient instead of two.
 */
void	 torture_mail_plain(struct torture_mail *, const char *word, int other);
/* A session of one message that has the value everywhere where it is legal. */
void	 torture_mail_value(struct torture_mail *, const struct torture_value *);
/* Messages that end, by a RSET or with the connection, after so many events of 7. */
void	 torture_mail_abort(struct torture_mail *, unsigned int events);
/* Hundreds of recipients, values as long as they come, none at all, many headers. */
void	 torture_mail_sizes(struct torture_mail *, unsigned int recipients, unsigned int headers);
/* A body of so many bytes: every one of 256, lines of a dot, bare CR and LF, none at its end. */
void	 torture_mail_body(struct torture_mail *, size_t size);

#endif
