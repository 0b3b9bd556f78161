/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc_private.h: what hproc.c, hproc_io.c, hproc_end.c share; nobody
 * else includes it.
 *
 * These three and pool.c call each other in a circle, and no other files of the
 * engine do. A process tells its pool that a task is done or that it is free,
 * and the pool gives it the next task in the same call; each is the other's
 * only partner, so that hooks between them would hide the circle and not open
 * it.
 */
#ifndef PM_ENGINE_HPROC_PRIVATE_H
#define PM_ENGINE_HPROC_PRIVATE_H

#include "engine/hproc.h"
#include "reply/decode.h"

#define HPROC_OUT_MAX	(SIZE_MAX / 2)
/* Bytes that a process may return above twice what it was given. */
#define HPROC_RETURNED	(1024 * 1024)

/*
 * engine/hproc.c:
 *
 * The handler's state in the session of a task that has one (is not detached).
 */
struct hstate	*hproc_state(const struct task *);
/* 1 if the process goes on reading after a report, so that its end says nothing about it. */
int	 hproc_lasts(const struct hproc *);
/* Tells the board what the process does, once that has changed. */
void	 hproc_note(struct hproc *);
/* Writes what it does where the supervisor reads that, by plain stores: also if little has changed. */
void	 hproc_show(struct hproc *);
/* Takes the scope from its process, and does nothing else. */
void	 hproc_unbind(struct hstate *);
/*
 * 1 if the event can happen now. If not, that is logged as a fault of ours, the process gets
 * KILL, and what it has fails.
 */
int	 hproc_expects(struct hproc *, enum slot_event);
/* An event happens, and what follows from it for the process. Expected or not, as above. */
void	 hproc_advance(struct hproc *, enum slot_event);
/* Makes the timer look at the deadlines at this time (ms) or before; 0: no matter. */
void	 hproc_add_deadline(struct hproc *, uint64_t due);
/* A task has its result: tells it, with the actions that were read so far. */
void	 hproc_tell(struct hproc *, struct task *, struct task_result *);
/*
 * The same, when the process is ended with this task; why: for the tasks that
 * it still has.
 */
void	 hproc_tell_last(struct hproc *, struct task *, struct task_result *, const char *why);
/* The process has less to do, or can do less, than before: it may be free, or end. */
void	 hproc_settle(struct hproc *);
/*
 * The handler broke a rule: the process is ended, and all its tasks and scopes
 * fail. why: for the log.
 */
void	 hproc_fail(struct hproc *, enum task_end, const char *why);
/* The deadline of a task has come. */
void	 hproc_overdue(struct hproc *, struct task *);
/* The handler said `progress': the time for its task begins again. */
void	 hproc_progress(struct hproc *, struct task *);
/*
 * Writes the reason of a failure for the log to buf: why, how long the process
 * has had the task (NULL: left out), and its last line of standard error.
 */
void	 hproc_reason(const struct hproc *, const struct task *, const char *why, char *buf,
	    size_t size);

/*
 * engine/hproc_end.c:
 *
 * Drops a process that the supervisor has not been asked for yet.
 */
void	 hproc_cancel(struct hproc *);

/*
 * engine/hproc_io.c:
 *
 * Takes the descriptors of its three pipes: stdin, stdout, stderr.
 */
void	 hproc_open_pipes(struct hproc *, const int *fds);
void	 hproc_close_pipe(struct hproc *, int);
/* Adds a task's block to what is written at the end of this turn of the loop. */
void	 hproc_put(struct hproc *, struct task *);
void	 hproc_forget_output(struct hproc *);
/* Bytes of hp->given that the process has read. */
uint64_t hproc_bytes_seen(const struct hproc *);
/* The process has exited: reads what it wrote before, and its last line. */
void	 hproc_read_rest(struct hproc *, int status);

#endif
