/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/mailbox.h: addresses of MAIL and RCPT as the MTA sent them and as
 * handlers see them.
 */
#ifndef PM_STATE_MAILBOX_H
#define PM_STATE_MAILBOX_H

#include <stdint.h>

#include "base/compat.h"
#include "base/rd.h"

struct mailbox {
	TAILQ_ENTRY(mailbox)	 entry;		/* of the recipients of a message */
	char			*wire;		/* exactly as the MTA sent it */
	char			*shown;		/* in angle brackets */
	char			*domain;	/* lower case; "" if there is none */
	char			**args;		/* ESMTP parameters */
	size_t			 nargs;
	uint64_t		 told;		/* handlers that know it: state/known.h */
	uint64_t		 number;	/* no other mailbox of this process has it */
	int			 own;		/* mark of block/restart.c: a task is about it */
};
TAILQ_HEAD(mailbox_list, mailbox);

/* Copies the address and the args of a milter_cmd. */
struct mailbox	*mailbox_new(const char *wire, struct rd args);
void		 mailbox_free(struct mailbox *);	/* NULL is allowed */

/*
 * 1 if an address that a handler wrote means this mailbox. Brackets do not matter, nor does
 * the case of the domain; the local part has to be the same to the letter.
 */
int		 mailbox_is(const struct mailbox *, const char *address);
/* Bytes of memory that it takes, roughly: for limits. */
size_t		 mailbox_bytes(const struct mailbox *);

#endif
