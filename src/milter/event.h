/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/event.h: the names of pipemilter-handler(7): events, verdicts, actions.
 */
#ifndef PM_MILTER_EVENT_H
#define PM_MILTER_EVENT_H

#include <stdint.h>

enum event_kind {
	EV_CONNECT,
	EV_HELO,
	EV_MAIL,
	EV_RCPT,
	EV_DATA,
	EV_HEADER,
	EV_END_OF_HEADERS,
	EV_BODY,
	EV_END_OF_MESSAGE,
	EV_UNKNOWN,
	EV_ABORT,
	EV_DISCONNECT,
	EV_COUNT
};

/* A set of events is a word with these bits. */
#define EV_BIT(ev)	(1u << (ev))
/* Those that the MTA waits for; abort and disconnect are only reported. */
#define EV_ANSWERABLE	(EV_BIT(EV_ABORT) - 1)

enum verdict {
	VD_CONTINUE,
	VD_ACCEPT,
	VD_REJECT,
	VD_TEMPFAIL,
	VD_DISCARD,
	VD_SKIP,
	VD_SHUTDOWN,
	VD_COUNT
};

enum action_kind {
	/* those that go to the MTA, which an `actions' list may name */
	ACT_ADD_HEADER,
	ACT_INSERT_HEADER,
	ACT_CHANGE_HEADER,
	ACT_DELETE_HEADER,
	ACT_CHANGE_SENDER,
	ACT_ADD_RECIPIENT,
	ACT_DELETE_RECIPIENT,
	ACT_REPLACE_BODY,
	ACT_QUARANTINE,
	ACT_MTA_COUNT,
	/* those that stay here and are always allowed */
	ACT_PROGRESS = ACT_MTA_COUNT,
	ACT_SET,
	ACT_SET_MESSAGE,
	ACT_UNSET,
	ACT_LOG,
	ACT_COUNT
};

#define ACT_BIT(a)	(1u << (a))
#define ACT_ALL_MTA	(ACT_BIT(ACT_MTA_COUNT) - 1)

const char	*event_name(enum event_kind);
const char	*verdict_name(enum verdict);
const char	*action_name(enum action_kind);

/* The number of a name, or -1. */
int	 event_by_name(const char *);
int	 verdict_by_name(const char *);
int	 action_by_name(const char *);

/* 1 where the table of verdicts in pipemilter-handler(7) has this one at this event. */
int	 verdict_fits(enum verdict, enum event_kind);

#endif
