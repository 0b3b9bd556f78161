/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session_int.h: what the files of the session share among themselves.
 */
#ifndef PM_SESSION_INT_H
#define PM_SESSION_INT_H

#include "session.h"

/* message.c: a message begins, ends; the current event is forgotten. */
void	 message_open(struct session *, const struct milter_cmd *);
/*
 * aborted: no answer to end-of-message was given, so `abort' is reported. The
 * macros stay: where a MAIL ends a message, those of the next one are there.
 */
void	 message_close(struct session *, int aborted);
void	 message_drop_actions(struct message *, unsigned int place);
void	 message_drop_event_actions(struct message *, unsigned int event_no);
void	 current_clear(struct current *);
/* Writes "SESSION QUEUE-ID" for the log anew. */
void	 session_update_ids(struct session *);

/* ask.c: the current event goes from handler to handler until it is answered. */
void	 ask_begin(struct session *, enum event_kind, int wire);
enum step ask_next(struct session *, struct buf *out);
/* Queues the current event for all handlers that have it in `reports'. */
void	 ask_report(struct session *);
/* 1 if the handler at a place answers this event and still wants it. */
int	 ask_wants(const struct session *, unsigned int place, enum event_kind);

/* verdict.c: the answer to the MTA, and what follows from it. */
enum step verdict_finish(struct session *, struct buf *out);
/* A refusal of the current event; smtp is copied. place -1: pipemilter itself. */
void	 verdict_refuse(struct session *, int place, enum verdict, const struct smtp_reply *);
/* There are more recipients than max-recipients (RFC 5321, 4.5.3.1.10). */
void	 verdict_refuse_recipients(struct session *);
/* The outcome of a failure, as far as the current event has such a verdict. */
enum verdict verdict_of_outcome(const struct outcome *, enum event_kind);
/* A handler failed: logs, forgets its actions, applies the outcome. 1: refused. */
int	 verdict_fail(struct session *, unsigned int place, const struct outcome *,
	    const char *option, const char *why);

/*
 * msglog.c: one line in the log for each refusal, and for each message: when
 * its end was answered, or it was refused, or went without an answer. summary
 * says what was changed.
 */
void	 msglog_decision(struct session *, int message_ends, const struct buf *summary);
void	 msglog_aborted(struct session *);

/* session.c: what comes behind a piece of the body that E carried. */
enum step session_end_of_body(struct session *, struct buf *out);

#endif
