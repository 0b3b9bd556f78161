/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/negotiate.h: what an MTA is asked for: what the handlers of a listener need, as far
 * as the MTA offers it (pipemilter.conf(5), "What the MTA is asked for"). Pure.
 */
#ifndef PM_STATE_NEGOTIATE_H
#define PM_STATE_NEGOTIATE_H

#include "config/conf.h"

struct negotiated {
	uint32_t	 version;	/* all three as sent back */
	uint32_t	 actions;
	uint32_t	 protocol;
	unsigned int	 sent;		/* EV_BITs that the MTA is going to send */
	unsigned int	 no_reply;	/* EV_BITs that get no answer on the wire */
	unsigned int	 granted;	/* ACT_BITs that the MTA takes */
	unsigned int	 skip : 1;		/* `s' may be sent in answer to a piece of the body */
	unsigned int	 leading_space : 1;	/* header values carry the space after the colon */
	unsigned int	 add_rcpt_args : 1;	/* add-recipient may have arguments */
	unsigned int	 rejected : 1;	/* the MTA also sends recipients that it refused */
	unsigned int	 has_size : 1;	/* headers and body are both sent */
};

/*
 * Answers an offer. missing has room for an entry for each handler of the listener: NULL, or
 * the event or action that it requires and the MTA lacks, a constant text. Returns 0; -1 if
 * the version is below 2.
 */
int	 negotiate(const struct conf *, const struct listen_conf *, uint32_t version,
	    uint32_t actions, uint32_t protocol, struct negotiated *, const char **missing);

/*
 * The macro lists to send with the answer: SMFIM_COUNT strings, each with the usual macros of
 * both MTAs and those that handlers asked for. All are NULL if no handler asked for any. The
 * caller frees the strings.
 */
void	 negotiate_macros(const struct conf *, const struct listen_conf *, char **lists);

/* Why a handler needs the MTA to send an event: the first reason that holds. */
enum need {
	NEED_NOTHING,
	NEED_ANSWER,		/* it answers the event */
	NEED_REPORT,		/* it is told of the event */
	NEED_LINES,		/* the event brings lines of its other blocks, or of received */
	NEED_CLIENTS,		/* except-clients, only-clients */
	NEED_MESSAGE,		/* a message begins with the event */
	NEED_DELETE_RECIPIENT,	/* the action needs it, as do the next two */
	NEED_CHANGE_HEADER,
	NEED_DELETE_HEADER,
	NEED_END_OF_HEADERS,	/* end-of-headers means nothing without the headers */
	NEED_WHOLE,		/* it gets the message as a whole */
	NEED_SIZE		/* max-message */
};
enum need negotiate_need(const struct handler_conf *, enum event_kind);
/* 1 if `mail' has to be answered in any case, so that the MTA tells of an abort. */
int	 negotiate_answers_mail(const struct handler_conf *);

#endif
