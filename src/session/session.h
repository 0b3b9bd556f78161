/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/session.h: what may be done with an SMTP session. It says which handler is asked
 * next and what the MTA is answered, and touches no descriptor and no clock: what handlers
 * are to be asked becomes tasks of the session, what is to be sent goes into a buffer, and the
 * caller acts. What a session is made of is in state/state.h.
 */
#ifndef PM_SESSION_SESSION_H
#define PM_SESSION_SESSION_H

#include "milter/decode.h"
#include "state/state.h"

/* What the caller does after a command, an answer or a timeout. */
enum step {
	STEP_GO,	/* everything owed is in the buffer: take the next command */
	STEP_WAIT,	/* a handler was asked: the MTA waits */
	STEP_CLOSE	/* the MTA has left the protocol: close */
};

/*
 * missing has an entry for each handler of the listener, NULL or what the MTA lacks, and
 * must outlive the session, as the configuration must; negotiated is copied. The id of the
 * session is unique to this machine's run, and begins with the number of session_set_run(), if
 * that was called, as 8 hexadecimal digits and a full stop.
 */
struct session	*session_new(const struct conf *, const struct listen_conf *,
		    const struct negotiated *, const char *const *missing);
/* For all sessions of this process, before the first of them. Not 0. */
void		 session_set_run(uint32_t);
/*
 * No handler may have a task, or a process that serves the session. If one has, that is
 * logged as a fault of ours, and the session stays in memory for good.
 */
void		 session_free(struct session *);

/*
 * Calls fn with the session of each event that begins, before any handler is asked. For all
 * sessions of this process; NULL: off.
 */
void		 session_on_event(void (*fn)(struct session *));
/*
 * A command other than O, Q and K, in any order; macros and ABORT too. Not while a handler
 * is being asked. Answers are added to out.
 */
enum step	 session_command(struct session *, const struct milter_cmd *, struct buf *out);
/*
 * The handler that was asked last has replied, or failed; its task was dropped. The actions
 * of the result are taken, its smtp is copied.
 */
enum step	 session_answer(struct session *, struct task_result *, struct buf *out);
/* The MTA can't be kept waiting any longer for the current event. */
enum step	 session_timeout(struct session *, struct buf *out);
/*
 * Q, K or the end of the connection: reason is "quit", "next" or "closed", and must be a
 * constant. Adds the last reports to the tasks. Nothing is sent any more.
 */
void		 session_end(struct session *, const char *reason);
/* Answers the current event with tempfail, without asking anyone. */
void		 session_give_up(struct session *, struct buf *out);
/*
 * message.c: there is not enough memory for the open message, if there is one. What was kept
 * of it is freed at once: headers, body, recipients, actions. It is refused at its next event
 * that has an answer, with 452 4.3.1, and no handler is asked about it any more.
 */
void		 session_shed(struct session *);
/* 1 if that was done to the open message. */
static inline int
session_is_shed(const struct session *s)
{
	return s->message != NULL && s->message->refusal == REFUSAL_MEMORY;
}
/* Bytes that session_shed() would free at least, as far as they are in memory. */
size_t		 session_message_bytes(const struct session *);
/* 1 while so many tasks wait that no more should be read from the MTA. Shadows do not count. */
int		 session_is_full(const struct session *);

/*
 * judge.c: NULL if the handler may use this action in reply to this task, else what is wrong,
 * as a constant text. before: the actions that the same reply held so far, `given' in number.
 * A detached task is allowed everything.
 */
const char	*session_judge(const struct task *, const struct action *,
		    const struct action_list *before, unsigned int given);
/* verdict.c: NULL if the event of the task has this verdict, else a constant text. */
const char	*session_verdict_problem(const struct task *, enum verdict);

/*
 * tasks.c: takes a task from the tasks of its session, which it still knows: what follows
 * from its result must not be put on a task that its process is done with.
 */
void		 session_unlist_task(struct task *);
/* tasks.c: takes a task from its session. The caller frees it, or keeps it for a reply. */
void		 session_detach_task(struct task *);
/* The same, and frees it. */
void		 session_drop_task(struct task *);
/*
 * The same for a task that no process was given: if it ends a scope that a process serves, the
 * task before it ends the scope now, or the process is let go.
 */
void		 session_cancel_task(struct task *);
/* tasks.c: part of the task's block has gone elsewhere: counts its bytes again. */
void		 session_recount_task(struct task *);
/*
 * The process of a scope has ended, and nothing was wrong with it: this task, the first that
 * it did not get, becomes the first of a scope, with a complete block.
 */
void		 session_restart_scope(struct task *);

/*
 * scope.c: a process has failed between two events, or at a report. Until the scope of its
 * handler ends, on-failure answers. No effect on a scope of one event, or if scope is not
 * the number of the one that lasts now.
 */
void		 session_scope_failed(struct session *, unsigned int index, unsigned int scope);
/*
 * shadow.c: the reply, or failure, of a handler that nobody waits for. It is logged, and what
 * it means to this handler alone has effect. The caller has unlisted the task, and keeps it and
 * the actions.
 */
void		 session_shadow_answer(struct task *, struct task_result *);

#endif
