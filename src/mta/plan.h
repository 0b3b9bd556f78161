/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/plan.h: what milter-send plays: one SMTP session with one message, any
 * number of times. Pure. Nobody changes a plan while it is played.
 */
#ifndef PM_MTA_PLAN_H
#define PM_MTA_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "milter/encode.h"
#include "mta/message.h"

#define MTA_HOSTNAME	"mx.example.net"	/* the name of the played MTA */

struct mta_address {
	char		*address;	/* with brackets */
	char		*copy;		/* args point into it */
	const char	**args;
	size_t		 nargs;
};

struct mta_plan {
	uint32_t		 version, actions, protocol;	/* the offer */
	const char		*host;
	int			 family;	/* '4' '6' 'L' 'U' */
	unsigned int		 port;
	char			*address;	/* NULL with 'U' */
	const char		*helo;
	struct mta_address	 sender;
	struct mta_address	*rcpts;
	size_t			 nrcpts;
	struct milter_pair	*macros;	/* the user's; names without braces */
	char			**macro_texts;	/* names and values in macros point into these */
	size_t			 nmacros;
	struct mta_message	 message;
	unsigned int		 id_base;	/* queue ids begin with it */
	unsigned int		 timeout;	/* seconds for every event; 0: as Postfix */
};

/* Sets the offer: version 2 to 6, with the bits that Postfix offers in it. */
void	 mta_plan_offer(struct mta_plan *, uint32_t version);
/*
 * Sets the client: an IPv4 or IPv6 address, unix:PATH or unknown. Returns 0, or
 * -1 with *why (a constant text: what was expected).
 */
int	 mta_plan_client(struct mta_plan *, const char *text, const char **why);
/* Sets ADDRESS [PARAMETER ...]; missing brackets are added. */
void	 mta_address_set(struct mta_address *, const char *text);
/* Adds a recipient, in the form of mta_address_set(). */
void	 mta_plan_add_rcpt(struct mta_plan *, const char *text);
/* Adds NAME=VALUE; NAME may have braces. Returns 0, or -1 if text has another form. */
int	 mta_plan_add_macro(struct mta_plan *, const char *text);
void	 mta_plan_free(struct mta_plan *);

#endif
