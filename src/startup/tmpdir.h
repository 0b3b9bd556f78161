/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/tmpdir.h: a directory for each handler's temporary files.
 */
#ifndef PM_STARTUP_TMPDIR_H
#define PM_STARTUP_TMPDIR_H

#include "config/conf.h"
#include "system/runtime.h"

/*
 * Makes the directories of all handlers, empty, and names them in
 * handler_conf.tmpdir; those for messages too (startup/spooldir.h). They are below the
 * spool directory, or, if private is set, in a directory below $TMPDIR that
 * tmpdir_remove() takes away. A spool directory that another daemon uses is
 * refused. Returns 0 or -1, logged.
 */
int	 tmpdir_prepare(const struct conf *, struct runtime *, int private);
/* In a process that must not hold the lock on the spool directory any longer. */
void	 tmpdir_forget(void);
/*
 * Once no handler runs any more: removes those for messages, and private ones,
 * and gives back the lock.
 */
void	 tmpdir_remove(struct runtime *);

#endif
