/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/guard.h: ends handlers and engines if the supervisor is killed.
 */
#ifndef PM_SUPERVISOR_GUARD_H
#define PM_SUPERVISOR_GUARD_H

#include <sys/types.h>

/*
 * Starts the process that waits for our end, again if it has ended. It knows as many
 * processes as were asked for first. Returns 0, or -1, logged. quiet: it
 * must hold no terminal.
 */
int	 guard_start(size_t max, int quiet);
/*
 * Knows so many processes from now on, if that is more than before; those that it knows have their
 * places. Returns 0, or -1, logged.
 */
int	 guard_grow(size_t max, int quiet);
/* 1 if that is the guard, which has been reaped. */
int	 guard_is(pid_t);
/* The guard is not needed any more. */
void	 guard_stop(void);
/* A process group that must not outlive us. Returns its place, or -1: there is none. */
int	 guard_add(pid_t);
/* The same of an engine, which is given 2 seconds to end by itself. */
int	 guard_add_engine(pid_t);
/* Before the process, or the group's leader, is reaped. place may be -1. */
void	 guard_remove(int place);

#endif
