/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_proc.h: one process of the handler at the ends of its pipes. It
 * is given bytes whole or in small pieces, and each piece only once the last
 * one was read.
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
	struct buf	 in;		/* to be written; of it so far: */
	size_t		 written;
	size_t		 given;		/* bytes that were written into the pipe */
	int		 pieces;
	unsigned int	 npieces;
	int		 closing;	/* once all is written */
	struct buf	 out;		/* what it wrote; of it taken apart: */
	size_t		 taken;
	struct buf	 err;		/* the end of its standard error */
	struct reply_dec *dec;
	unsigned int	 blocks;	/* that it was given */
	unsigned int	 answers;
	unsigned int	 scopes, uses;	/* that it serves now, and ever did */
	char		 where[40];	/* the event that it was given last: "rcpt", "report rcpt" */
	int		 last_report;	/* that event was a report */
	int		 exited, status;	/* as wait(2) has it */
};

/* NULL: it could not be started, which was told. env may be empty. */
struct torture_proc *torture_proc_start(struct torture *, enum event_kind, const struct buf *env,
	    int pieces);
void	 torture_proc_give(struct torture_proc *, const void *, size_t);
void	 torture_proc_close(struct torture_proc *);
/* Waits for something to happen to it, until then at the latest (ms of mono_ms). */
void	 torture_proc_turn(struct torture_proc *, uint64_t until);
/* Bytes that it was given and has not read. */
size_t	 torture_proc_unread(const struct torture_proc *);
/* Until it has read all it was given, has exited, or ms are over. */
void	 torture_proc_drain(struct torture_proc *, uint64_t ms);
/* Until it has exited and all is read; 0 if it does not within ms. */
int	 torture_proc_finish(struct torture_proc *, uint64_t ms);
/* 1 if there is output that nobody has taken, other than empty lines. */
int	 torture_proc_has_more(const struct torture_proc *);
/* Writes the last line of its standard error, "" if there is none; cut to size bytes. */
void	 torture_proc_last_words(const struct torture_proc *, char *line, size_t size);
/* Ends it and frees it. */
void	 torture_proc_end(struct torture_proc *);

#endif
