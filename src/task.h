/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * task.h: one event or report for one handler: what a process is started for.
 */
#ifndef PM_TASK_H
#define PM_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "conf.h"
#include "reply_dec.h"

struct session;

struct task {
	TAILQ_ENTRY(task)		 line;		/* the session's line for this handler */
	TAILQ_ENTRY(task)		 waiting;	/* the handler's queue for a process */
	struct session			*session;	/* lives as long as its tasks */
	unsigned int			 place;		/* of the handler in its listener */
	unsigned int			 handler;	/* index into conf.handlers */
	enum event_kind			 event;
	int				 report;	/* nobody waits for an answer */
	struct buf			 block;		/* with its payload */
	struct buf			 env;		/* NAME=VALUE NUL ... */
	uint32_t			 timeout;	/* ms, for one reply or report */
	char				 ids[160];	/* for the log: a report outlives its message */
	int				 submitted;	/* the pool has it */
	int				 queued;	/* it stands in the pool's queue */
	uint64_t			 process;	/* id of the process that has it, or 0 */
	uint64_t			 queue_deadline;	/* ms; 0: it waits as long as it takes */
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
	const char		*why;
};

struct task	*task_new(void);
void		 task_free(struct task *);

#endif
