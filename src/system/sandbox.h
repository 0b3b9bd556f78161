/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox.h: takes from the engine what it has no use for, so that somebody
 * who takes it over gets nowhere.
 */
#ifndef PM_SYSTEM_SANDBOX_H
#define PM_SYSTEM_SANDBOX_H

#include <stddef.h>

/* A directory that this process may open, make and remove files in. */
struct sandbox_dir {
	int	 fd;
	int	 readable;	/* the files in it may be read too */
};

/* Logs, as warnings, what this build or this kernel can't take from an engine. */
void	 sandbox_tell_missing(void);
/*
 * From here on this process can start no other one, execute no program, gain no
 * privileges, make no socket, signal nobody else, and open no file but in these
 * directories (and those below them), as far as build and kernel can see to it.
 * Ends the process if what they can do fails.
 */
void	 sandbox_engine(const struct sandbox_dir *, size_t ndirs);

#endif
