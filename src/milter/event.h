/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/event.h: the events of pipemilter-handler(7) and their names. Pure.
 */
#ifndef PM_MILTER_EVENT_H
#define PM_MILTER_EVENT_H

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

/* A set of events is an unsigned int with these bits. */
#define EV_BIT(ev)	(1u << (ev))
/* The events that the MTA waits for; abort and disconnect are only reported. */
#define EV_ANSWERABLE	(EV_BIT(EV_ABORT) - 1)

/* The name, a constant text. */
const char	*event_name(enum event_kind);
/* The event of a name, or -1. */
int	 event_by_name(const char *);

#endif
