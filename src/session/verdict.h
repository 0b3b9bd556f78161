/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/verdict.h: what the reply of a handler, or its failure, makes of the current event.
 * Public: session_verdict_problem().
 */
#ifndef PM_SESSION_VERDICT_H
#define PM_SESSION_VERDICT_H

#include "session/turn.h"
#include "state/state.h"

/* Refuses the current event; smtp is copied. index -1: pipemilter itself refuses it. */
void	 verdict_refuse(struct session *, int index, enum verdict, const struct smtp_reply *);
/*
 * Refuses it for one of the reasons of enum refusal: more recipients than max-recipients
 * (RFC 5321, 4.5.3.1.10), or not enough memory (RFC 5321, 4.2.3; RFC 3463, X.3.1).
 */
void	 verdict_refuse_for(struct session *, enum refusal);
/* The verdict of an outcome. If this event lacks it: tempfail for discard, else continue. */
enum verdict verdict_of_outcome(const struct outcome *, enum event_kind);
/* The verdict of a result that is a reply; on-exit may name one that the event lacks. */
enum verdict verdict_of_result(const struct task_result *, enum event_kind);
/* A handler said accept to an event: it wants no more of the message, or of the session. */
void	 verdict_note_accept(struct session *, unsigned int index, enum event_kind);
/* A handler said skip to an event: it wants no more headers, or no more of the body. */
void	 verdict_note_skip(struct session *, unsigned int index, enum event_kind);
/*
 * A handler failed at the current event: logs that, drops its actions, applies the outcome.
 * option: the name of the outcome; why: one line for the log. Passed or refused.
 */
enum turn verdict_fail(struct session *, unsigned int index, const struct outcome *,
	    const char *option, const char *why);
/* The same for an earlier failure in the scope, which was logged then. */
enum turn verdict_failed_before(struct session *, unsigned int index);
/* Applies the reply to the current event; takes the actions. Passed or refused. */
enum turn verdict_take(struct session *, unsigned int index, struct task_result *);

#endif
