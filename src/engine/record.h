/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/record.h: the sessions of a milter connection as transcripts, each in a file
 * of its own. A file is opened for each piece that is added, so none is open at
 * rest. What goes wrong ends the recording of one session, and is logged.
 */
#ifndef PM_ENGINE_RECORD_H
#define PM_ENGINE_RECORD_H

#include "base/buf.h"
#include "milter/decode.h"

/* Bytes of a file, but for the remark that says so. */
#define RECORD_MAX	((size_t)64 * 1024 * 1024)

struct record;

/* dir is the directory's descriptor, and stays the caller's. */
struct record	*record_new(int dir);
void	 record_free(struct record *);	/* NULL is nothing */
/* A session has this id. Not before its negotiation was given, if that is new. */
void	 record_begin(struct record *, const char *id);
/* A command came; out is what waits to be sent, answers to earlier ones. */
void	 record_command(struct record *, const struct milter_cmd *, const struct buf *out);
/* What waits is about to be written, and then: what is left of it. */
void	 record_answers(struct record *, const struct buf *out);
void	 record_sent(struct record *, const struct buf *out);
/* The peer is gone: what was about to be written was not. */
void	 record_unsent(struct record *);
/* Adds to the file what there is. */
void	 record_write(struct record *);
/* The session is over: reason is "quit", "next" or "closed". */
void	 record_end(struct record *, const char *reason);

#endif
