/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox.h: takes from the engine what it has no use for.
 */
#ifndef PM_SYSTEM_SANDBOX_H
#define PM_SYSTEM_SANDBOX_H

/*
 * From here on this process can neither start another one nor execute a
 * program nor gain privileges. Ends the process if that can't be had.
 */
void	 sandbox_engine(void);

#endif
