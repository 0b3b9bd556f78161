/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/block.h: a session as a block of lines and as environment
 * (pipemilter-handler(7), BLOCKS and ENVIRONMENT).
 *
 * Who reads the blocks of a scope keeps what it was told. So each fact of a
 * session has a set of handlers of the listener, a bit each, whose readers know
 * it as it is now: client, helo, each sender and recipient, each stage of
 * macros, each value of the context. A fact that changes is known to nobody.
 * A fact that is gone has the set of those who still have to hear of it, or
 * makes their next block a complete one.
 */
#ifndef PM_BLOCK_BLOCK_H
#define PM_BLOCK_BLOCK_H

#include "session/session.h"

/* A value longer than this stays out of the environment; all of it together too. */
#define ENV_MAX_VALUE	(8 * 1024)
#define ENV_MAX_ALL	(96 * 1024)

/*
 * The block of the session's current event for the handler at an index, with
 * its payload, into the task's empty buffer. The task's other values are set.
 * What it tells is noted.
 */
void	 block_encode(struct session *, unsigned int index, struct task *);
/*
 * Makes an older block, the first one of its scope now, complete; its
 * environment too if it has to have one. Of a message that is over by now it
 * tells what was the event's own and nothing else.
 */
void	 block_restart(struct session *, struct task *);
/*
 * block/env.c: the variables of a complete block of the current event:
 * NAME=VALUE, each with a NUL. own 0: all but those of the event itself, for
 * a task whose event is over.
 */
void	 block_environment(struct session *, const struct task *, int own, struct buf *out);
/* The payload of the current event for this handler: its newlines option decides. */
const struct buf *block_payload(const struct session *, const struct handler_conf *);
/* LINE_BITs of the lines of an event itself, which the option `lines' can't take away. */
unsigned int block_own_lines(enum event_kind);

#endif
