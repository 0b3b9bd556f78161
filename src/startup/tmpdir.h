/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/tmpdir.h: makes a directory for the temporary files of each handler.
 */
#ifndef PM_STARTUP_TMPDIR_H
#define PM_STARTUP_TMPDIR_H

#include "config/conf.h"
#include "system/runtime.h"

/*
 * Makes an empty directory for each handler, as the runtime's tmpdirs, and the
 * directories for messages (startup/spooldir.h). They are below the spool
 * directory, or, if private is set, in a directory below $TMPDIR that
 * tmpdir_remove() removes. Refuses a spool directory that another daemon uses.
 * Returns 0, or -1, logged.
 */
int	 tmpdir_prepare(const struct conf *, struct runtime *, int private);
/*
 * The same for a configuration that was read again. Handlers that one of the n tenants has too, for
 * the same user, keep their directory, with all that is in it.
 */
int	 tmpdir_renew(const struct conf *, struct runtime *, const struct tenant *, size_t n);
/* No engine has this runtime any more: removes what none of the n tenants has, without a wait. */
void	 tmpdir_release(const struct runtime *, const struct tenant *, size_t n);
/* Gives back the lock on the spool directory, in a process that must not hold it. */
void	 tmpdir_forget(void);
/*
 * Removes the directories for messages, and private ones, and gives back the
 * lock. Call it when no handler runs any more.
 */
void	 tmpdir_remove(void);

#endif
