/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/record.h: writes the sessions of a milter connection as transcripts,
 * each to a file of its own. The file is opened for each piece that is added,
 * so that no descriptor is held between two pieces. An error ends the recording
 * of that one session, and is logged.
 */
#ifndef PM_ENGINE_RECORD_H
#define PM_ENGINE_RECORD_H

#include "base/buf.h"
#include "milter/decode.h"

/* Bytes of a file, without the remark that says that it was cut. */
#define RECORD_MAX	((size_t)64 * 1024 * 1024)

struct record;

/* dir: descriptor of the directory; it stays the caller's. */
struct record	*record_new(int dir);
void	 record_free(struct record *);	/* NULL is allowed */
/* A session begins and has this id. Call it after record_command() for a negotiation. */
void	 record_begin(struct record *, const char *id);
/* A command has come. out: answers to earlier commands that wait to be written. */
void	 record_command(struct record *, const struct milter_cmd *, const struct buf *out);
/*
 * record_answers() before a write(2): out is what waits. record_sent() after
 * it: out is what is left.
 */
void	 record_answers(struct record *, const struct buf *out);
void	 record_sent(struct record *, const struct buf *out);
/* The write failed, the peer is gone: takes back the answers of the last record_answers(). */
void	 record_unsent(struct record *);
/* Appends to the file what was recorded since the last call. */
void	 record_write(struct record *);
/* The session is over. reason: "quit", "next" or "closed". */
void	 record_end(struct record *, const char *reason);

#endif
