/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc.h: one handler process, seen from the engine: three pipes, the tasks
 * it has, the scopes it serves, a life (engine/slot.h).
 *
 * A process serves at most conf->concurrency scopes at a time. A scope is
 * bound to it from its first task to its last; a task that is asked and whose
 * session has gone on without it still counts as one.
 */
#ifndef PM_ENGINE_HPROC_H
#define PM_ENGINE_HPROC_H

#include "base/newline.h"
#include "engine/loop.h"
#include "engine/ltimer.h"
#include "session/session.h"
#include "engine/slot.h"
#include "system/ipc.h"

#define HPROC_STDERR_LINE	1024

/* Who has a task after a call: the queue or a process keeps it, or it is freed. */
enum fate { TASK_KEPT, TASK_GONE };

struct hproc {
	RB_ENTRY(hproc)		 by_id;
	TAILQ_ENTRY(hproc)	 unsent;	/* in engine.unsent while something is owed */
	TAILQ_ENTRY(hproc)	 dirty;		/* in engine.dirty while there is to write */
	TAILQ_ENTRY(hproc)	 dead;
	TAILQ_ENTRY(hproc)	 of_pool;
	TAILQ_ENTRY(hproc)	 avail;		/* in pool.avail while it may be given a scope */
	uint64_t		 id;
	struct engine		*engine;
	struct pool		*pool;
	struct slot		 slot;
	struct ltimer		 timer;
	struct task_list	 asked;		/* in the order in which they were given */
	struct hstate_list	 bound;		/* scopes that it serves */
	unsigned int		 nbound;
	unsigned int		 ndetached;	/* of asked: nobody waits for the answer */
	unsigned int		 uses;		/* scopes it was ever given */
	uint64_t		 started;	/* ms; 0: not yet */
	uint64_t		 idle_since;	/* ms */
	uint64_t		 stuck_due;	/* ms: it has to have read by then; 0: nothing waits */
	enum event_kind		 event;		/* the last one, for the log */
	char			 ids[SESSION_IDS];
	unsigned int		 ahead : 1;	/* it was not started for a task */
	unsigned int		 proved : 1;	/* it has done something well */
	unsigned int		 retiring : 1;	/* it gets no scope any more */
	unsigned int		 dismissed : 1;	/* that it ends is our wish */
	unsigned int		 reclaimed : 1;	/* since another engine needs its place */
	unsigned int		 finished : 1;	/* its stdin is to be closed once all is written */
	unsigned int		 owes_spawn : 1;	/* messages not sent yet */
	unsigned int		 is_unsent : 1;
	unsigned int		 is_dirty : 1;
	unsigned int		 is_avail : 1;
	unsigned int		 was_full : 1;	/* others wait until it has read */
	unsigned int		 told : 1;	/* the last it was given was a report */
	unsigned int		 stdin_lost : 1;	/* it has closed its standard input */
	unsigned int		 said_more : 1;	/* output that has no effect was logged */
	unsigned int		 dropping : 1;	/* the reply that comes is for nobody */
	int			 owes_signal;
	int			 fds[3];	/* -1: closed */
	struct event		 ev[3];
	struct spool		*spool;		/* files that it has until it exits, or NULL */
	struct buf		 out;		/* to be written; written of it so far: */
	size_t			 written;
	struct store		*input;		/* a message that follows, piece by piece; or NULL */
	size_t			 input_at;	/* how much of it was put into out */
	struct newline		 input_lf;	/* line ends across the pieces */
	struct store		*output;	/* the message that it returns, so far; or NULL */
	struct newline		 output_crlf;	/* its line ends */
	size_t			 returned;	/* bytes of it as they came */
	size_t			 may_return;	/* at most */
	uint64_t		 given;		/* bytes that were ever put into out */
	uint64_t		 seen;		/* of them it had read when it closed its stdin */
	struct task		*answering;	/* event-id named it; NULL: none yet */
	struct reply_dec	*dec;
	struct action_list	 actions;
	unsigned int		 nactions;
	char			 err_line[HPROC_STDERR_LINE];
	size_t			 err_len;
	char			 last_words[200];	/* of standard error */
};

RB_PROTOTYPE(hproc_tree, hproc, by_id, hproc_compare)

/* Starts a process: for a task, or ahead (NULL). */
struct hproc	*hproc_start(struct pool *, struct task *);
/*
 * Gives it a task. A task that begins a scope binds that to the process. A
 * report to a process that goes on reading is done when it is given: TASK_GONE.
 */
enum fate	 hproc_give(struct hproc *, struct task *);
/* The scope that it served is over. */
void		 hproc_release(struct hstate *);
/* Nobody waits for a task that it has; late: since it has taken too long. */
void		 hproc_abandon(struct hproc *, struct task *, int late);
/* It gets nothing new; once idle its standard input is closed. */
void		 hproc_retire(struct hproc *);
/* 1 if all that it is asked is for sessions that are over; then it may be ended. */
int		 hproc_works_for_nobody(const struct hproc *);
void		 hproc_dismiss(struct hproc *);
/* 1 if it may be given a scope. */
int		 hproc_may_serve(const struct hproc *);
/* 1 if it does nothing and is asked nothing. */
int		 hproc_is_idle(const struct hproc *);
/* 1 if more waits to be read by it than it should. */
int		 hproc_is_full(const struct hproc *);
/* Writes what processes were given in this turn: one write(2) to each. */
void		 hproc_flush_all(struct engine *);
/* A process by its id; NULL: it is gone. */
struct hproc	*hproc_find(struct engine *, uint64_t id);
/* Sends the supervisor what is owed to it, now or when the channel has room. */
void		 hproc_flush_ipc(struct engine *);
/* Frees the processes that are gone: at the end of a turn of the loop. */
void		 hproc_sweep(struct engine *);

/* Messages of the supervisor. started takes the descriptors. */
void		 hproc_started(struct hproc *, const int *fds);
/* It was started, but its pipes did not reach us. */
void		 hproc_lost(struct hproc *);
void		 hproc_not_started(struct hproc *, int error, enum ipc_stage);
void		 hproc_exited(struct hproc *, int status);

#endif
