/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/mail.h: sessions as an MTA would send them, as packets of the milter
 * protocol: all legal, and few of them nice. Pure.
 */
#ifndef PM_TORTURE_MAIL_H
#define PM_TORTURE_MAIL_H

#include "base/buf.h"
#include "torture/values.h"
#include "state/negotiate.h"

/* A word in messages that are aborted. */
#define TORTURE_ABORTED	"brokenoff"
#define TORTURE_LONG	"Subject"	/* the header with values of all sizes */

/* Functions below add to the packets; a session ends where they end. */
struct torture_mail {
	const struct negotiated	*neg;
	struct buf		 packets;
	unsigned int		 count;		/* of messages so far, for queue ids */
};

void	 torture_mail_init(struct torture_mail *, const struct negotiated *);
void	 torture_mail_free(struct torture_mail *);
/* Drops the packets, for another session. */
void	 torture_mail_reset(struct torture_mail *);

/* Adds the client. Clients with other numbers have other names and addresses. */
void	 torture_mail_client(struct torture_mail *, unsigned int client);
/*
 * Adds an ordinary message. All its values have the word. other: it has no
 * Subject, and one recipient instead of two.
 */
void	 torture_mail_plain(struct torture_mail *, const char *word, int other);
/* Adds a client and a message with the value in every place where it is legal. */
void	 torture_mail_value(struct torture_mail *, const struct torture_value *);
/*
 * Adds a message that ends after this many of its 6 events, by a RSET (odd) or
 * by the end of the session (even).
 */
void	 torture_mail_abort(struct torture_mail *, unsigned int events);
/*
 * Adds a message with many recipients, the longest values, empty values and
 * many headers.
 */
void	 torture_mail_sizes(struct torture_mail *, unsigned int recipients, unsigned int headers);
/*
 * Adds a message with a body of this size: all 256 bytes, lines of a dot, bare
 * CR and LF, no line end at the end.
 */
void	 torture_mail_body(struct torture_mail *, size_t size);

#endif
