/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/within.h: does something that may never return.
 */
#ifndef PM_BASE_WITHIN_H
#define PM_BASE_WITHIN_H

/*
 * Calls fn(arg) in a forked process, and returns what it returns, 0 to 127. -1:
 * the process could not be made, ended otherwise, or (errno ETIMEDOUT) took longer
 * than ms milliseconds. Then it gets KILL, if kill_it is set, and else goes on; in
 * neither case is it waited for.
 */
int	 within(unsigned int ms, int kill_it, int (*fn)(void *), void *arg);

#endif
