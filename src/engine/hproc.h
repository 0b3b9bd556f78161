/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc.h: one handler process as the engine sees it: three pipes, the
 * tasks that it was given, the scopes that it serves, and its life
 * (engine/slot.h).
 *
 * A process serves at most conf->concurrency scopes at a time. A scope is bound
 * to its process from its first task to its last. A task counts like a scope
 * after its session has gone on without it (it is detached): the process still
 * has to answer it.
 */
#ifndef PM_ENGINE_HPROC_H
#define PM_ENGINE_HPROC_H

#include "base/newline.h"
#include "engine/loop.h"
#include "engine/ltimer.h"
#include "engine/slot.h"
#include "session/session.h"
#include "system/ipc.h"

#define HPROC_STDERR_LINE	1024

/* After a call: a queue or a process has the task (KEPT), or it is done and freed (GONE). */
enum fate { TASK_KEPT, TASK_GONE };

struct hproc {
	RB_ENTRY(hproc)		 by_id;
	TAILQ_ENTRY(hproc)	 unsent;	/* in engine.unsent: the supervisor must be told */
	TAILQ_ENTRY(hproc)	 dirty;		/* in engine.dirty while there is something to write */
	TAILQ_ENTRY(hproc)	 dead;
	TAILQ_ENTRY(hproc)	 of_pool;
	TAILQ_ENTRY(hproc)	 avail;		/* in pool.avail while it may be given a scope */
	uint64_t		 id;
	struct engine		*engine;
	struct pool		*pool;
	struct slot		 slot;
	int			 noted;		/* enum numbers_process as the board has it; -1: not */
	struct slots_process	*shown;		/* what pipemilterctl(8) is told of it */
	struct ltimer		 timer;
	struct task_list	 asked;		/* not answered yet, in the order they came */
	struct hstate_list	 bound;		/* the scopes that it serves */
	unsigned int		 nbound;
	unsigned int		 ndetached;	/* number in asked whose answer nobody waits for */
	unsigned int		 uses;		/* scopes that it was ever given */
	uint64_t		 started;	/* ms: when it was started; 0: not yet */
	uint64_t		 idle_since;	/* ms: since when it has nothing to do */
	uint64_t		 stuck_due;	/* ms: it must have read by then; 0: no matter */
	enum event_kind		 event;		/* of its last task, for the log */
	char			 ids[SESSION_IDS];
	unsigned int		 ahead : 1;	/* it was started before a task needed it */
	unsigned int		 proved : 1;	/* it has answered well at least once */
	unsigned int		 retiring : 1;	/* it is given no more scopes */
	unsigned int		 dismissed : 1;	/* we want it to end, so its end is no failure */
	unsigned int		 reclaimed : 1;	/* another engine gets its share of `processes' */
	unsigned int		 finished : 1;	/* its stdin is closed once all is written */
	unsigned int		 owes_spawn : 1;	/* the supervisor was not asked for it yet */
	unsigned int		 is_unsent : 1;
	unsigned int		 is_dirty : 1;
	unsigned int		 is_avail : 1;
	unsigned int		 was_full : 1;	/* tasks wait until it has read */
	unsigned int		 told : 1;	/* its last block was a report */
	unsigned int		 stdin_lost : 1;	/* it has closed its standard input */
	unsigned int		 unsaid : 1;	/* there was no memory for what it is to be told */
	unsigned int		 said_more : 1;	/* output without effect was logged once */
	int			 owes_signal;
	int			 fds[3];	/* its stdin, stdout, stderr; -1: closed */
	struct event		 ev[3];
	struct spool		*spool;		/* files that it may read until it exits; NULL: none */
	struct buf		 out;		/* to be written; `written' bytes of it are */
	size_t			 written;
	struct store		*input;		/* the message that follows `out'; NULL: none */
	size_t			 input_at;	/* bytes of input that were put into out */
	struct newline		 input_lf;	/* line ends across the pieces */
	struct store		*output;	/* the message that it returns, so far; NULL: none */
	struct newline		 output_crlf;	/* line ends across the pieces */
	size_t			 returned;	/* bytes that it has returned, before conversion */
	size_t			 may_return;	/* bytes that it may return */
	uint64_t		 given;		/* bytes that were ever put into out */
	uint64_t		 seen;		/* bytes of `given' read before it closed stdin */
	struct task		*answering;	/* the task whose event-id it wrote; NULL: none yet */
	struct reply_dec	*dec;
	struct action_list	 actions;
	unsigned int		 nactions;
	char			 err_line[HPROC_STDERR_LINE];
	size_t			 err_len;
	char			 last_words[200];	/* its last line of standard error */
};

RB_PROTOTYPE(hproc_tree, hproc, by_id, hproc_compare)

/* Starts a process, for a task or ahead of any (NULL). */
struct hproc	*hproc_start(struct pool *, struct task *);
/*
 * Gives a process its next task. A task that begins a scope binds that scope to
 * the process. A report to a process that goes on reading is done as soon as it
 * is given: TASK_GONE.
 */
enum fate	 hproc_give(struct hproc *, struct task *);
/* The scope is over: its process, if it has one, serves it no more. */
void		 hproc_release(struct hstate *);
/*
 * Nobody waits for a task that this process was given. late: because the task
 * has taken too long, which is the process's fault.
 */
void		 hproc_abandon(struct hproc *, struct task *, int late);
/* Gives the process no more scopes, and closes its standard input when it is idle. */
void		 hproc_retire(struct hproc *);
/* 1 if all its tasks are for sessions that are over: then it may be ended. */
int		 hproc_works_for_nobody(const struct hproc *);
void		 hproc_dismiss(struct hproc *);
/* 1 if it may be given a scope. */
int		 hproc_may_serve(const struct hproc *);
/* 1 if it has no task and serves no scope. */
int		 hproc_is_idle(const struct hproc *);
/* 1 if more bytes than OUT_HIGH (engine/hproc_io.c) wait to be read by it. */
int		 hproc_is_full(const struct hproc *);
/* Writes what processes were given in this turn of the loop: one write(2) to each. */
void		 hproc_flush_all(struct engine *);
/* Finds a process by its id. NULL: it is gone. */
struct hproc	*hproc_find(struct engine *, uint64_t id);
/* Sends the messages that the supervisor has to get, now or when the channel has room. */
void		 hproc_flush_ipc(struct engine *);
/* Frees the processes that are gone: at the end of a turn of the loop. */
void		 hproc_sweep(struct engine *);

/* The supervisor's messages about one process. hproc_started() takes the descriptors. */
void		 hproc_started(struct hproc *, int *fds);
/* A process was started, but its pipes were lost on the way: no descriptor was left. */
void		 hproc_lost(struct hproc *);
void		 hproc_not_started(struct hproc *, int error, enum ipc_stage);
void		 hproc_exited(struct hproc *, int status);

#endif
