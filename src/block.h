/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block.h: a session as a block of lines and as environment
 * (pipemilter-handler(7), BLOCKS and ENVIRONMENT). Pure.
 */
#ifndef PM_BLOCK_H
#define PM_BLOCK_H

#include "session.h"

/* A value longer than this stays out of the environment; all of it together too. */
#define ENV_MAX_VALUE	(8 * 1024)
#define ENV_MAX_ALL	(96 * 1024)

/*
 * The block of the session's current event for a handler: complete, with its
 * payload. Adds it to out.
 */
void	 block_encode(const struct session *, const struct handler_conf *, int report,
	    struct buf *out);
/* The variables of the same block: NAME=VALUE, each with a NUL. */
void	 block_environment(const struct session *, const struct handler_conf *,
	    struct buf *out);
/* The payload of the current event for this handler: its newlines option decides. */
const struct buf *block_payload(const struct session *, const struct handler_conf *);

#endif
