/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/proc.h: one process of the handler, seen from the other ends of its
 * pipes. It gets bytes whole or in small pieces, each after it has read the one
 * before.
 */
#ifndef PM_TORTURE_PROC_H
#define PM_TORTURE_PROC_H

#include <stdint.h>

#include "torture/parts.h"
#include "reply/decode.h"

struct torture_proc {
	struct torture	*t;
	pid_t		 pid;
	int		 fds[3];	/* -1: closed */
	struct buf	 in;		/* to be written; written so far: */
	size_t		 written;
	int		 pieces;
	unsigned int	 npieces;
	int		 closing;	/* close the pipe when all is written */
	struct buf	 out;		/* its output; parsed so far: */
	size_t		 taken;
	struct buf	 err;		/* the end of its standard error */
	struct reply_dec *dec;
	unsigned int	 blocks;	/* given to it */
	unsigned int	 answers;
	unsigned int	 scopes, uses;	/* served now, and ever */
	char		 where[40];	/* the last event: "rcpt", "report rcpt" */
	int		 last_report;	/* that event was a report */
	int		 exited, status;	/* as from wait(2) */
};

/*
 * Starts a process. NULL: it could not be started, which was told. env: its
 * variables; may be empty. pieces: write in small pieces.
 */
struct torture_proc *torture_proc_start(struct torture *, enum event_kind, const struct buf *env,
	    int pieces);
/* Gives a block: keeps the bytes until torture_proc_turn() can write them. */
void	 torture_proc_give(struct torture_proc *, const void *, size_t);
/* Closes its standard input as soon as all is written. */
void	 torture_proc_close(struct torture_proc *);
/*
 * Waits for something to happen to the process, at most until that time (ms of
 * mono_ms()).
 */
void	 torture_proc_turn(struct torture_proc *, uint64_t until);
/* The number of bytes that were given to the process and that it has not read. */
size_t	 torture_proc_unread(const struct torture_proc *);
/* Waits until it has read everything, has exited, or ms have passed. */
void	 torture_proc_drain(struct torture_proc *, uint64_t ms);
/*
 * Waits until it has exited and its output is read. Returns 0 if it has not
 * exited within ms.
 */
int	 torture_proc_finish(struct torture_proc *, uint64_t ms);
/* 1 if there is unparsed output other than empty lines. */
int	 torture_proc_has_more(const struct torture_proc *);
/* Writes the last line of its standard error, cut to size bytes; "" if there is none. */
void	 torture_proc_last_words(const struct torture_proc *, char *line, size_t size);
/* Kills the process and its group, reaps it and frees p. */
void	 torture_proc_end(struct torture_proc *);

#endif
