/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_plan.h: what milter-send plays: one SMTP session with one message, as
 * often as wished. Read only while it is played.
 */
#ifndef PM_MS_PLAN_H
#define PM_MS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "milter/encode.h"
#include "mta/message.h"

#define MS_HOSTNAME	"mx.example.net"	/* who we say that we are */

struct ms_address {
	char		*address;	/* with brackets */
	char		*copy;		/* args point into it */
	const char	**args;
	size_t		 nargs;
};

struct ms_plan {
	uint32_t		 version, actions, protocol;	/* to offer */
	const char		*host;
	int			 family;	/* '4' '6' 'L' 'U' */
	unsigned int		 port;
	char			*address;	/* NULL with 'U' */
	const char		*helo;
	struct ms_address	 sender;
	struct ms_address	*rcpts;
	size_t			 nrcpts;
	struct milter_pair	*macros;	/* the user's, names without braces */
	char			**macro_texts;	/* what they point into */
	size_t			 nmacros;
	struct ms_message	 message;
	unsigned int		 id_base;	/* queue ids begin with it */
	unsigned int		 timeout;	/* seconds for every event; 0: as Postfix */
};

/* Version 2 to 6, with the bits that Postfix offers in it. */
void	 ms_plan_offer(struct ms_plan *, uint32_t version);
/* An IPv4 or IPv6 address, unix:PATH or unknown; 0, or -1 with *why. */
int	 ms_plan_client(struct ms_plan *, const char *text, const char **why);
/* ADDRESS [PARAMETER ...]; brackets are added where they are missing. */
void	 ms_address_set(struct ms_address *, const char *text);
void	 ms_plan_add_rcpt(struct ms_plan *, const char *text);
/* NAME=VALUE, NAME with or without braces; 0, or -1 if it is not that. */
int	 ms_plan_add_macro(struct ms_plan *, const char *text);
void	 ms_plan_free(struct ms_plan *);

#endif
