/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/top.h: the command `top'.
 */
#ifndef PM_CTL_TOP_H
#define PM_CTL_TOP_H

/* Shows what happens in so many seconds, again and again. Returns the exit status. */
int	 top_run(const char *path, unsigned int seconds);

#endif
