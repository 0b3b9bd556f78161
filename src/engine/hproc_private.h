/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc_int.h: what the files of the handler process share among themselves.
 */
#ifndef PM_ENGINE_HPROC_PRIVATE_H
#define PM_ENGINE_HPROC_PRIVATE_H

#include "engine/hproc.h"
#include "reply/decode.h"

#define HPROC_OUT_MAX	(SIZE_MAX / 2)
/* Bytes that a message may have which a process returns, beside twice what it was given. */
#define HPROC_RETURNED	(1024 * 1024)

/* engine/hproc.c: the scope, in its session, of a task that is not detached. */
struct hstate	*hproc_state(const struct task *);
/* 1 if it goes on reading after a report, so that its end says nothing of that. */
int	 hproc_lasts(const struct hproc *);
/* The scope is served by nobody, and nothing follows from that yet. */
void	 hproc_unbind(struct hstate *);
void	 hproc_advance(struct hproc *, enum slot_event);
/* Look at its deadlines at this time, ms, at the latest; 0: no matter. */
void	 hproc_add_deadline(struct hproc *, uint64_t due);
/* A task has its result; actions are those that were read. */
void	 hproc_tell(struct hproc *, struct task *, struct task_result *);
/* The same where the process is ended with it, and why. */
void	 hproc_tell_last(struct hproc *, struct task *, struct task_result *, const char *why);
/* Something of what it has is over, or it can do less than before. */
void	 hproc_settle(struct hproc *);
/*
 * The handler broke a rule: the process is ended, and everything that it has
 * in hand has failed. why is for the log.
 */
void	 hproc_fail(struct hproc *, enum task_end, const char *why);
/* A task's time is over. */
void	 hproc_overdue(struct hproc *, struct task *);
/* It said that it still works: its time begins anew. */
void	 hproc_progress(struct hproc *, struct task *);
/* How long it has had this task, and the last it wrote to standard error. */
void	 hproc_reason(const struct hproc *, const struct task *, const char *why, char *buf,
	    size_t size);

/* engine/hproc_end.c: it was abandoned before the supervisor was asked for it. */
void	 hproc_cancel(struct hproc *);

/* engine/hproc_io.c: takes the descriptors of its three pipes. */
void	 hproc_open_pipes(struct hproc *, const int *fds);
void	 hproc_close_pipe(struct hproc *, int);
/* Its block is to be written in this turn of the loop. */
void	 hproc_put(struct hproc *, struct task *);
void	 hproc_forget_output(struct hproc *);
/* How many of the bytes that were given to it it has read. */
uint64_t hproc_bytes_seen(const struct hproc *);
/* It has exited: what it wrote before is read, and its last line. */
void	 hproc_read_rest(struct hproc *, int status);

#endif
