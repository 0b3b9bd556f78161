/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * hproc.h: one handler process, seen from the engine: three pipes, a task, a
 * life (slot.h).
 */
#ifndef PM_HPROC_H
#define PM_HPROC_H

#include "engine.h"
#include "slot.h"
#include "task.h"

#define HPROC_STDERR_LINE	1024

struct hproc {
	RB_ENTRY(hproc)		 by_id;
	TAILQ_ENTRY(hproc)	 unsent;	/* in engine.unsent while something is owed */
	TAILQ_ENTRY(hproc)	 dead;
	uint64_t		 id;
	struct engine		*engine;
	struct pool		*pool;
	struct task		*task;		/* NULL once it is answered for */
	enum event_kind		 event;
	int			 report;
	char			 ids[160];	/* for the log, longer than the session lives */
	struct slot		 slot;
	int			 owes_spawn;	/* messages not sent yet */
	int			 owes_signal;
	int			 is_unsent;
	int			 fds[3];	/* -1: closed */
	struct event		 ev[3];
	struct event		 timer;
	struct buf		 block;		/* the task's; written of it so far: */
	size_t			 written;
	struct reply_dec	*dec;
	struct action_list	 actions;
	unsigned int		 nactions;
	int			 said_more;	/* output after its verdict was logged */
	char			 err_line[HPROC_STDERR_LINE];
	size_t			 err_len;
};

RB_PROTOTYPE(hproc_tree, hproc, by_id, hproc_compare)

/* Starts a process for a task; its end is told through pool_task_done(). */
struct hproc	*hproc_start(struct pool *, struct task *);
/* Nobody waits for its task any more: it is ended, and tells nothing. */
void		 hproc_abandon(struct hproc *);
/* It was abandoned before the supervisor was asked for it. */
void		 hproc_cancel(struct hproc *);
/* Messages of the supervisor. started takes the descriptors. */
void		 hproc_started(struct hproc *, const int *fds);
/* It was started, but its pipes did not reach us. */
void		 hproc_lost(struct hproc *);
void		 hproc_not_started(struct hproc *, int error, enum ipc_stage);
void		 hproc_exited(struct hproc *, int status);
/* Only for the sweep at the end of a turn. */
void		 hproc_free(struct hproc *);

#endif
