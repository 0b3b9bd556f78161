/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/record_dir.h: opens the directory that sessions are recorded in.
 */
#ifndef PM_STARTUP_RECORD_DIR_H
#define PM_STARTUP_RECORD_DIR_H

#include "config/conf.h"
#include "system/runtime.h"

/*
 * Opens conf->record, if it is set, as the runtime's record_fd. Makes the
 * directory if only that is missing. Refuses one that does not belong to the
 * engine's user, or that others may write to. Returns 0, or -1, logged.
 */
int	 record_dir_open(const struct conf *, struct runtime *);

#endif
