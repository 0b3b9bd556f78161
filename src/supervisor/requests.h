/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/requests.h: serves what engines ask of the supervisor, and tells
 * engines what concerns them in the processes of others.
 */
#ifndef PM_SUPERVISOR_REQUESTS_H
#define PM_SUPERVISOR_REQUESTS_H

#include <poll.h>

#include <sys/resource.h>

#include "config/conf.h"
#include "supervisor/child.h"
#include "supervisor/engine_proc.h"
#include "system/control_msg.h"
#include "system/runtime.h"

struct requests;

/* engines: one for each of conf->engines. All arguments must live as long. */
struct requests	*requests_new(const struct conf *, const struct runtime *,
		    struct engine_proc *engines);
void		 requests_free(struct requests *);
/*
 * Does what an engine asks; only with may_spawn it starts handlers. Returns 0,
 * or -1 if the engine asked for something that it must not.
 */
int		 requests_serve(struct requests *, struct engine_proc *, const struct ipc_msg *,
		    int may_spawn);
/*
 * A process was reaped, with what it has used: tells its engine how it ended, and an engine that
 * waits for room that there is some. Removes the process from the table.
 */
void		 requests_exited(struct requests *, struct child *, int status,
		    const struct rusage *);
/* What is known of the processes of a handler, over all engines. */
const struct control_life *requests_life(const struct requests *, uint32_t handler);
/* Any other process has been reaped. */
void		 requests_reaped(struct requests *, pid_t);
/* The engine is gone; its processes are orphans already. */
void		 requests_engine_gone(struct requests *, unsigned int engine);
/* What else is to be polled: so many, which change with every other call here. */
size_t		 requests_poll_count(void);
void		 requests_fill(const struct requests *, struct pollfd *);
/* The n that were filled have been polled; nothing else was called here meanwhile. */
void		 requests_serve_starts(struct requests *, const struct pollfd *, size_t n);
/* What is due is done. Returns when to call again, or MONO_NEVER. */
uint64_t	 requests_run_timers(struct requests *, uint64_t now);

#endif
