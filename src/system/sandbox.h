/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox.h: takes rights from the engine that it has no use for.
 */
#ifndef PM_SYSTEM_SANDBOX_H
#define PM_SYSTEM_SANDBOX_H

/*
 * From now on this process can start no process, execute no program and gain no
 * privilege. Ends the program if that can't be done.
 */
void	 sandbox_engine(void);

#endif
