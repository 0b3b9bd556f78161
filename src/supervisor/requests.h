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

#include "supervisor/child.h"
#include "supervisor/generation.h"

struct requests;

struct requests	*requests_new(struct ledger *);
void		 requests_free(struct requests *);
/* An engine of a generation, which lives until requests_remove_engine(). */
void		 requests_add_engine(struct requests *, struct engine_proc *);
void		 requests_remove_engine(struct requests *, const struct engine_proc *);
/* The ledger has other limits than before, or more names. */
void		 requests_limits_changed(struct requests *);
/* The files of a handler, one of conf->handlers of the generation, have changed. */
void		 requests_files_changed(struct generation *, uint32_t handler);
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
/* The engine of this number is gone; its processes are orphans already. */
void		 requests_engine_gone(struct requests *, unsigned int engine);
/* What else is to be polled: so many, which change with every other call here. */
size_t		 requests_poll_count(void);
void		 requests_fill(struct pollfd *);
/* The n that were filled have been polled; nothing else was called here meanwhile. */
void		 requests_serve_starts(struct requests *, const struct pollfd *, size_t n);
/* What is due is done. Returns when to call again, or MONO_NEVER. */
uint64_t	 requests_run_timers(struct requests *, uint64_t now);

#endif
