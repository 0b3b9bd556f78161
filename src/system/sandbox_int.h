/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox_int.h: the two halves of the sandbox: system calls, by libseccomp,
 * and files, by Landlock.
 */
#ifndef PM_SYSTEM_SANDBOX_INT_H
#define PM_SYSTEM_SANDBOX_INT_H

#include "system/sandbox.h"

/* NULL, or why there is no such filter, in a few words. */
const char	*sandbox_calls_missing(void);
const char	*sandbox_files_missing(void);
/*
 * Both need PR_SET_NO_NEW_PRIVS, and the files come first. Whether there are
 * directories decides which calls for files are allowed.
 */
void		 sandbox_calls_limit(int have_dirs);
void		 sandbox_files_limit(const struct sandbox_dir *, size_t ndirs);

#endif
