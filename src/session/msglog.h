/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/msglog.h: one line in the log for each refusal, and for each message.
 */
#ifndef PM_SESSION_MSGLOG_H
#define PM_SESSION_MSGLOG_H

#include "state/state.h"

/*
 * The current event is decided. message_ends: the message, if one is open, ends with it.
 * summary: what handlers changed of the message.
 */
void	 msglog_decision(struct session *, int message_ends, const struct buf *summary);
/* Adds the client as the log of the MTA has it, if it is known: "mx.example[192.0.2.7]". */
void	 msglog_client(const struct session *, struct buf *);
/* The open message ends without an answer to its end. */
void	 msglog_aborted(struct session *);

#endif
