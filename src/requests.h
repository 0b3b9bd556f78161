/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * requests.h: what the engine may ask of the supervisor, and the answers.
 */
#ifndef PM_REQUESTS_H
#define PM_REQUESTS_H

#include "conf.h"
#include "engine_proc.h"

/*
 * Does what the engine asks, if may_spawn is set also starting handlers.
 * Returns 0, or -1 if it asked for something that it must not.
 */
int	 requests_serve(const struct conf *, struct engine_proc *,
	    const struct ipc_msg *, int may_spawn);
/* Tells the engine that a process has ended, and how. */
void	 requests_exited(struct engine_proc *, uint64_t id, int status);

#endif
