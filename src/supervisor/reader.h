/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/reader.h: a process that reads the configuration before this one does. What
 * takes long there, as a name service that does not answer, costs the daemon nothing.
 */
#ifndef PM_SUPERVISOR_READER_H
#define PM_SUPERVISOR_READER_H

#include <sys/types.h>

#include "config/conf.h"

/*
 * Starts it, with the file at this path, and the configuration of the daemon. Returns 0, or
 * -1, logged.
 */
int	 reader_start(const char *path, const struct conf *old);
/* 1 if that is the process, which has been reaped or is going to be. */
int	 reader_is(pid_t);
/*
 * The process has been reaped, with this status. Returns 0 if the configuration has no mistakes.
 * Else -1: all that it had to say is logged.
 */
int	 reader_ended(int status);
/* Ends the process, if there is one. */
void	 reader_stop(void);

#endif
