/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/block.h: a session as a block of lines (block.c) and as an environment (env.c), both
 * described in pipemilter-handler(7), BLOCKS and ENVIRONMENT. What a process was told
 * already, and so is left out of its next block, is in state/known.h.
 */
#ifndef PM_BLOCK_BLOCK_H
#define PM_BLOCK_BLOCK_H

#include "state/state.h"

/* A value longer than this stays out of the environment; all of it together too. */
#define ENV_MAX_VALUE	(8 * 1024)
#define ENV_MAX_ALL	(96 * 1024)

/*
 * Writes the block of the session's current event for the handler at an index, with its
 * payload, into the task's empty buffer. The other members of the task are set. Notes what
 * the block tells.
 */
void	 block_encode(struct session *, unsigned int index, struct task *);
/*
 * Makes an older block complete, which is now the first of its scope; with it the
 * environment, if the process gets one. If the message of the block is over by now, the
 * block says nothing of a message but the event's own lines. Recipients are moved between this
 * block and those after it in its scope, so that each is said once.
 */
void	 block_restart(struct session *, struct task *);
/*
 * Writes what comes before the message that a task has as its input: the task's lines of
 * `received', with the handler's newlines. Such a task has no other block.
 */
void	 block_before_message(const struct handler_conf *, struct task *);
/*
 * Adds the variables of a complete block of the current event: NAME=VALUE, each with a
 * NUL. own 0: without those of the event itself, for a task whose event is over.
 */
void	 block_environment(struct session *, const struct task *, int own, struct buf *out);
/* The payload of the current event for this handler: its newlines option decides. */
const struct buf *block_payload(const struct session *, const struct handler_conf *);

#endif
