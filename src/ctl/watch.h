/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/watch.h: the command `watch'.
 */
#ifndef PM_CTL_WATCH_H
#define PM_CTL_WATCH_H

/* words: "watch" and its arguments, NULL-terminated. Returns the exit status, -1: usage. */
int	 watch_run(const char *path, char **words);

#endif
