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
 * and which others pass through, names it in conf->spool_base, and makes in it
 * a directory of the engines' own, empty, in conf->store_directory; and one for each
 * handler with `spool', that only the engine's user writes to and the handler's
 * group reads, in its spool_path and spool_fd. What another run has left there
 * is removed in any case. Returns 0 or -1, logged.
 */
int	 spooldir_prepare(const struct conf *, struct runtime *, int parent, const char *base,
	    const char *name);
/* Removes all of that. */
void	 spooldir_remove(struct runtime *);

#endif
