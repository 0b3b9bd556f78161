/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/record_dir.h: the directory that sessions are recorded in.
 */
#ifndef PM_STARTUP_RECORD_DIR_H
#define PM_STARTUP_RECORD_DIR_H

#include "config/conf.h"
#include "system/runtime.h"

/*
 * Opens it as record_fd of the runtime, if there is to be one; it is made if its parent
 * exists. One that is not the engine's user's, or that anybody can write, is
 * refused. Returns 0 or -1, logged.
 */
int	 record_dir_open(const struct conf *, struct runtime *);

#endif
