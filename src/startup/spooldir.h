/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/spooldir.h: makes the directories for messages: for those that are
 * too large for memory, and for those that handlers read as files.
 */
#ifndef PM_STARTUP_SPOOLDIR_H
#define PM_STARTUP_SPOOLDIR_H

#include "config/conf.h"
#include "system/runtime.h"

/*
 * If a handler needs whole messages: makes BASE/NAME, which is ours and which
 * others pass through, as the runtime's spool_base. In it: an empty directory
 * for the engines, store_directory; and for each handler with the option
 * `spool' a directory that only the engine's user writes to and the handler's
 * group reads, in spool_dirs. Removes what an earlier run has left there in any
 * case. Returns 0, or -1, logged.
 */
int	 spooldir_prepare(const struct conf *, struct runtime *, const char *base, const char *name);
/* Removes all these directories. */
void	 spooldir_remove(struct runtime *);

#endif
