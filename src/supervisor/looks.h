/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/looks.h: looks now and then whether the files of handlers have
 * changed, by a process that may hang in place of this one.
 */
#ifndef PM_SUPERVISOR_LOOKS_H
#define PM_SUPERVISOR_LOOKS_H

#include <poll.h>

#include "config/conf.h"
#include "supervisor/stale.h"

struct looks;

/* The files of this handler, one of conf->handlers, have changed. */
typedef void	 looks_changed(void *arg, uint32_t handler);

/* numbers: of conf->handlers in supervisor/ledger.h. All must live as long. */
struct looks	*looks_new(const struct conf *, uint64_t generation, const uint32_t *numbers,
		    looks_changed *, void *arg);
void		 looks_free(struct looks *);
/* A handler's files, for spawn_begin(); NULL if changes don't matter. */
struct stale	*looks_files(struct looks *, uint32_t handler);
/* A process of that handler is started: so its files are to be looked at. */
void		 looks_wanted(struct looks *, uint32_t handler, uint64_t now);
/* In an engine that was just forked: closes what is open. */
void		 looks_forget(struct looks *);
/* For poll(2); its descriptor is -1 if there is none. */
void		 looks_fill(const struct looks *, struct pollfd *);
void		 looks_serve(struct looks *, uint64_t now);
/* A process has been reaped that nobody else knows. */
void		 looks_reaped(struct looks *, pid_t);
/* What is due is done. Returns when to call again, or MONO_NEVER. */
uint64_t	 looks_run_timers(struct looks *, uint64_t now);

#endif
