/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/within.h: does something that may never return.
 */
#ifndef PM_BASE_WITHIN_H
#define PM_BASE_WITHIN_H

#include <stddef.h>

/*
 * Calls fn(arg) in a forked process, and returns what it returns, 0 to 127. -1:
 * the process could not be made, ended otherwise, or (errno ETIMEDOUT) took longer
 * than ms milliseconds. Then it gets KILL, if kill_it is set, and else goes on; in
 * neither case is it waited for. With kill_it it has no descriptors of ours.
 */
int	 within(unsigned int ms, int kill_it, int (*fn)(void *), void *arg);
/*
 * The same with kill_it. All that fn writes to the size bytes at its arg stands at ours
 * afterwards, also if it took too long.
 */
int	 within_copy(unsigned int ms, int (*fn)(void *), void *arg, size_t size);

#endif
