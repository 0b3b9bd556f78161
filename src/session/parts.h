/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/parts.h: what the files of the session share among themselves.
 */
#ifndef PM_SESSION_PARTS_H
#define PM_SESSION_PARTS_H

#include "session/session.h"

/* session/message.c: a message begins, ends; the current event is forgotten. */
void	 message_open(struct session *, const struct milter_cmd *);
/*
 * aborted: no answer to end-of-message was given, so `abort' is reported. The
 * macros stay: where a MAIL ends a message, those of the next one are there.
 */
void	 message_close(struct session *, int aborted);
void	 message_drop_actions(struct message *, unsigned int index);
void	 message_drop_event_actions(struct message *, unsigned int event_no);
void	 current_clear(struct current *);
/* Writes "SESSION QUEUE-ID" for the log anew. */
void	 session_update_ids(struct session *);

/* Copies what points into the MTA's packet: a handler is waited for. */
void	 current_keep(struct current *);
/* Writes the lines of a block that name session and message. */
void	 session_write_first(struct session *);
/* Something that macros or context hold has changed. */
void	 session_note_changes(struct session *);

/*
 * session/scope.c: scopes of several events. Is the handler at an index to be given
 * this event in such a scope? Then it has one now, *begins if it is new.
 */
int	 scope_enter(struct session *, unsigned int index, int *begins);
/* The scope of a handler is over, if it has one: its last task says so, or the session. */
void	 scope_end(struct session *, unsigned int index);

/*
 * session/exclude.c: whom and what a handler isn't asked about: to be looked at when
 * the client, a MAIL, or the size of the message is known.
 */
void	 exclude_at_connect(struct session *);
void	 exclude_at_mail(struct session *);
void	 exclude_at_size(struct session *);
/* on-large answers the event in hand, if that is due. Returns 1 if the event is refused. */
int	 exclude_answer(struct session *, unsigned int index);

/* session/ask.c: the current event goes from handler to handler until it is answered. */
void	 ask_begin(struct session *, enum event_kind, int wire);
enum step ask_next(struct session *, struct buf *out);
/* Queues the current event for all handlers that have it in `reports'. */
void	 ask_report(struct session *);

/*
 * session/keep.c: the message as it came is kept, from its first header on, as long as
 * a handler is there that wants it. The value as the MTA sent it.
 */
void	 keep_header(struct session *, const char *name, const char *value);
void	 keep_body(struct session *, const void *, size_t);
/* There is nothing more of it. */
void	 keep_end(struct session *);
/* NULL, or why a handler that wants the message in hand can't have it. */
const char *keep_problem(struct session *, unsigned int index);
/* Gives the message to a task as its input. */
void	 keep_give(struct session *, unsigned int index, struct task *);
/* What goes before the message is made anew: the block of a task with input. */
void	 keep_encode(const struct handler_conf *, struct task *);

/*
 * session/rewrite.c: a handler returned the message. NULL: it is taken in place of the
 * one that was returned before. Else why not, and nothing has changed.
 */
const char *rewrite_take(struct session *, unsigned int index, struct store *output);
/*
 * The same for one that nobody waits for: the actions that it comes to are
 * added to the list.
 */
const char *rewrite_show(const struct task *, struct store *output, struct action_list *);
/* The message as it was returned last, or as it came. */
struct store *rewrite_current(struct session *);
/* What was returned becomes actions among those that are kept. */
void	 rewrite_settle(struct message *);

/* session/judge.c: NULL, or why the handler may not make this change by what it returns. */
const char *judge_difference(const struct session *, unsigned int index, const struct action *);

/* session/wants.c: 1 if a handler said accept and no handler wants anything more. */
int	 wants_nothing_more(const struct session *);
/* 1 if every handler that was asked or told of the body has had enough. */
int	 wants_no_body(const struct session *);

/* session/answer.c: all have been asked, or one has refused: the answer to the MTA, if it is due. */
enum step answer_event(struct session *, struct buf *out);
/* 1 if the MTA waits for an answer to the event in hand. */
int	 answer_is_due(const struct session *);

/* session/verdict.c: a refusal of the current event; smtp is copied. index -1: pipemilter itself. */
void	 verdict_refuse(struct session *, int index, enum verdict, const struct smtp_reply *);
/* There are more recipients than max-recipients (RFC 5321, 4.5.3.1.10). */
void	 verdict_refuse_recipients(struct session *);
/* The outcome of a failure, as far as the current event has such a verdict. */
enum verdict verdict_of_outcome(const struct outcome *, enum event_kind);
/* A handler said accept: it wants no more of the message, or of the session. */
void	 verdict_note_accept(struct session *, unsigned int index, enum event_kind);
/* A handler failed: logs, forgets its actions, applies the outcome. 1: refused. */
int	 verdict_fail(struct session *, unsigned int index, const struct outcome *,
	    const char *option, const char *why);
/* The same for an earlier failure in the scope, which was logged then. */
int	 verdict_failed_before(struct session *, unsigned int index);

/*
 * session/msglog.c: one line in the log for each refusal, and for each message: when
 * its end was answered, or it was refused, or went without an answer. summary
 * says what was changed.
 */
void	 msglog_decision(struct session *, int message_ends, const struct buf *summary);
void	 msglog_aborted(struct session *);

/* session/session.c: what comes behind a piece of the body that E carried. */
enum step session_end_of_body(struct session *, struct buf *out);

#endif
