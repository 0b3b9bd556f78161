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
 * parent is a descriptor of the directory BASE, which nobody else can change.
 * If some handler needs messages as a whole: makes BASE/NAME, which is ours
 * and which others pass through, and makes in it a directory of the engines' own,
 * empty, as the runtime's store_directory; and one for each handler with `spool', that
 * only the engine's user writes to and the handler's group reads, in its spool_dirs. What
 * another run has left there is removed in any case. Returns 0 or -1, logged.
 */
int	 spooldir_prepare(const struct conf *, struct runtime *, int parent, const char *base,
	    const char *name);
/*
 * The same for a configuration that was read again. Directories that one of the n tenants
 * has stay as they are, and are shared where their owner would be the same.
 */
int	 spooldir_renew(const struct conf *, struct runtime *, int parent, const char *base,
	    const char *name, const struct tenant *, size_t n);
/* No engine has this runtime any more: removes what none of the n tenants has, without a wait. */
void	 spooldir_release(const struct runtime *, const struct tenant *, size_t n);
/* Removes all of that. */
void	 spooldir_remove(void);
/* In a process that has nothing to do with the directories of others. */
void	 spooldir_forget(void);

#endif
