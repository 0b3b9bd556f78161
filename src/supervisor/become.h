/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/become.h: what a forked process does before it is an engine. */
#ifndef PM_SUPERVISOR_BECOME_H
#define PM_SUPERVISOR_BECOME_H

#include "supervisor/engine_proc.h"
#include "supervisor/engine_set.h"

/*
 * engine_proc_run: gives up what is the supervisor's, becomes the engine's user, locks itself up
 * and serves. arg: a struct engine_set.
 */
void	 become_engine(struct engine_proc *, int fd, int log_fd, void *arg) NO_RETURN;

#endif
