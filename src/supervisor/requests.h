/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/requests.h: what the engines may ask of the supervisor, the answers, and
 * what they are told of each other's handlers.
 */
#ifndef PM_SUPERVISOR_REQUESTS_H
#define PM_SUPERVISOR_REQUESTS_H

#include "supervisor/child.h"
#include "config/conf.h"
#include "supervisor/engine_proc.h"
#include "system/runtime.h"

struct requests;

/* engines: one for each of conf->engines. All must live as long. */
struct requests	*requests_new(const struct conf *, const struct runtime *, struct engine_proc *engines);
void		 requests_free(struct requests *);
/*
 * Does what an engine asks, if may_spawn is set also starting handlers.
 * Returns 0, or -1 if it asked for something that it must not.
 */
int		 requests_serve(struct requests *, struct engine_proc *, const struct ipc_msg *,
		    int may_spawn);
/*
 * The process has been reaped: tells its engine how it ended, and an engine
 * that waits that there is room. Removes it from the table.
 */
void		 requests_exited(struct requests *, struct child *, int status);
/* The engine is gone; its processes are orphans already. */
void		 requests_engine_gone(struct requests *, unsigned int engine);
/* What is due is done. Returns when to call again, or MONO_NEVER. */
uint64_t	 requests_run_timers(struct requests *, uint64_t now);

#endif
