/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/task.h: one event or report for one handler, which one process takes, and how it
 * ended.
 */
#ifndef PM_STATE_TASK_H
#define PM_STATE_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/conf.h"
#include "milter/action.h"
#include "store/slots.h"
#include "store/spool.h"
#include "store/store.h"

struct hproc;
struct session;

#define SESSION_IDS	SLOTS_IDS	/* bytes of "SESSION QUEUE-ID" with its NUL */

/* How far a task has come. */
enum task_state {
	TASK_HELD,	/* an earlier task of its session comes first, or nobody has looked at it */
	TASK_QUEUED,	/* it waits in the pool's queue for a process */
	TASK_STARTING,	/* a process is being started for it */
	TASK_ASKED	/* the process has its block */
};

/*
 * The way of a task through its process. The side that runs the process notes it: the pool of
 * the engine, or the torture of milter-send(1). All zero at first.
 */
struct task_run {
	enum task_state	 state;
	struct hproc	*proc;		/* is started for the task, or has it */
	int		 retried;	/* its first process was killed */
	uint64_t	 since;		/* ms: when it was queued, then when it was given */
	uint64_t	 given_at;	/* bytes that its process was given before it */
	uint64_t	 deadline;	/* ms; 0: it waits as long as it takes */
	int		 waited;	/* it was in the queue */
	int		 counted;	/* its answer, or failure, is among the numbers */
	uint64_t	 wanted;	/* us: when it first found no process; 0: it found one */
	uint64_t	 given;		/* us: when a process that runs got it; 0: none has */
};

/* The session fills in all but entry and run, and owns the task until that is detached. */
struct task {
	TAILQ_ENTRY(task)	 in_session;	/* the tasks that its session has for this handler */
	TAILQ_ENTRY(task)	 entry;		/* the pool's queue, or the process's list */
	struct session		*session;	/* lives as long as its tasks; NULL: detached */
	unsigned int		 index;		/* of the handler in its listener */
	unsigned int		 handler;	/* index into conf.handlers */
	uint64_t		 id;		/* of this engine's run: event-id */
	enum event_kind		 event;
	int			 listed;	/* it is among the tasks of its session */
	size_t			 counted;	/* bytes that its session counts for it */
	size_t			 message_len;	/* of a shadow: bytes of the message that it holds */
	int			 report;	/* no reply is wanted */
	int			 shadow;	/* a reply is wanted, and nobody waits for it */
	int			 begins;	/* first of its scope */
	int			 ends;		/* last of its scope */
	unsigned int		 scope;		/* its number for the handler; 0: a scope of one event */
	struct buf		 block;		/* with its payload */
	/* Where in block the facts of the session are, and within them the event's own lines. */
	size_t			 state_at, state_len, own_at, own_len;
	int			 complete;	/* the block is */
	uint64_t		 recipient;	/* number of the mailbox that its own lines tell; 0: none */
	unsigned int		 message_no;	/* of its message in the session; 0: none */
	/*
	 * With input = message the message follows the block, which then holds the lines of
	 * received, with the handler's newlines, and nothing else. NULL without.
	 */
	struct store		*input;
	char			*received;	/* as they were written; NULL: none */
	struct buf		 env;		/* NAME=VALUE NUL ...; for a new process of its own */
	struct spool		*spool;		/* the message in files, freed with the task; or NULL */
	uint32_t		 timeout;	/* ms, for one reply or report */
	char			 ids[SESSION_IDS];	/* for the log: a report outlives its message */
	struct task_run		 run;
};
TAILQ_HEAD(task_list, task);

enum task_end {
	TASK_REPLY,	/* verdict, smtp, actions */
	TASK_FAILURE,	/* why: one line for the log */
	TASK_TIMEOUT,	/* why */
	TASK_OVERLOAD,	/* why */
	TASK_REPORTED	/* a report was taken */
};

/* How a task ended. */
struct task_result {
	enum task_end		 end;
	enum verdict		 verdict;
	struct smtp_reply	 smtp;
	struct action_list	*actions;	/* taken from, or left to the caller */
	struct store		*output;	/* with output = message, or NULL; left to the caller */
	int			 as_given;	/* with output = message: it came back unchanged */
	const char		*why;
};

/* A new task, all zero but for its id and two empty buffers. Freed tasks are used again. */
struct task	*task_new(void);
/* Frees a task with all that it has; it must be in no list. */
void		 task_free(struct task *);

#endif
