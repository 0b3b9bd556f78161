/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/task.h: one event or report for one handler: what a process is started for.
 */
#ifndef PM_STATE_TASK_H
#define PM_STATE_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/conf.h"
#include "milter/action.h"
#include "store/spool.h"
#include "store/store.h"

struct session;

#define SESSION_IDS	88	/* bytes of "SESSION QUEUE-ID" with its NUL */

struct hproc;

/* Where a task stands. */
enum task_state {
	TASK_HELD,	/* behind others of its session, or not looked at yet */
	TASK_QUEUED,	/* the first of its line: it waits for a process */
	TASK_STARTING,	/* a process is being started for it */
	TASK_ASKED	/* the process has its block */
};

struct task {
	TAILQ_ENTRY(task)		 in_session;	/* the tasks that its session has for this handler */
	TAILQ_ENTRY(task)		 entry;		/* the pool's queue, or the process's list */
	struct session			*session;	/* lives as long as its tasks; NULL: detached */
	unsigned int			 index;		/* of the handler in its listener */
	unsigned int			 handler;	/* index into conf.handlers */
	uint64_t			 id;		/* of this engine's run: event-id */
	enum event_kind			 event;
	int				 listed;	/* it is among the tasks of its session */
	int				 report;	/* no answer is wanted */
	int				 shadow;	/* an answer is wanted, and nobody waits for it */
	int				 begins;	/* a scope */
	int				 ends;		/* a scope */
	unsigned int			 scope;		/* its number for the handler; 0: one of one event */
	struct buf			 block;		/* with its payload */
	/* Of it, what the session is like, and within that the event's own lines. */
	size_t				 state_at, state_len, own_at, own_len;
	unsigned int			 message_no;	/* of its message in the session; 0: none */
	/*
	 * With input = message: what follows the block, which then is what is put
	 * before the message, converted for the handler. That as it was made, or NULL.
	 */
	struct store			*input;
	char				*received;
	struct buf			 env;		/* NAME=VALUE NUL ...; for a new process of its own */
	struct spool			*spool;		/* the message in files, or NULL: go with the task */
	uint32_t			 timeout;	/* ms, for one reply or report */
	char				 ids[SESSION_IDS];	/* for the log: a report outlives its message */
	/* the pool's */
	enum task_state			 state;
	struct hproc			*proc;		/* that starts for it, or has it */
	int				 retried;	/* its first process was killed */
	uint64_t			 since;		/* ms: when it was submitted, or given */
	uint64_t			 given_at;	/* bytes that its process was given before it */
	uint64_t			 deadline;	/* ms; 0: it waits as long as it takes */
};
TAILQ_HEAD(task_list, task);

/* How it ended. */
enum task_end {
	TASK_REPLY,	/* verdict, smtp, actions */
	TASK_FAILURE,	/* why: one line for the log */
	TASK_TIMEOUT,
	TASK_OVERLOAD,
	TASK_REPORTED	/* a report was taken */
};

struct task_result {
	enum task_end		 end;
	enum verdict		 verdict;
	struct smtp_reply	 smtp;
	struct action_list	*actions;	/* taken from, or left to the caller */
	struct store		*output;	/* with output = message, or NULL; left to the caller */
	int			 as_given;	/* with output = message: it came back unchanged */
	const char		*why;
};

/* A few that were freed are kept, with small buffers, and used again. */
struct task	*task_new(void);
void		 task_free(struct task *);

#endif
