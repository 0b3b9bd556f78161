/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/trusted.h: opens directories that nobody else can put another in the place of.
 */
#ifndef PM_BASE_TRUSTED_H
#define PM_BASE_TRUSTED_H

#include <sys/stat.h>

#include <stddef.h>

#include "base/compat.h"

/* How much why has room for, at least. */
#define TRUSTED_WHY	4200

/*
 * Opens the directory at an absolute path, step by step. It and each directory on
 * the way must belong to root or to this process's user, and only they may be able to
 * write it, or it must be sticky; the same is asked of links on the way. With make
 * a last component that is missing is made with mode 0711. Returns a descriptor,
 * close-on-exec, or -1 with the reason in why; errno is ENOENT if something is
 * missing, though all that is there was as it must be.
 */
int	 trusted_open(const char *path, int make, char *why, size_t size);
/* The same for the directory that path is in, or would be. */
int	 trusted_open_above(const char *path, char *why, size_t size);
/* And what belongs to that user may, and so may that group write; -1: nobody else. */
int	 trusted_open_above_for(const char *path, uid_t, gid_t, char *why, size_t size);
/*
 * As statx(2) of name in the directory dir, or of dir itself if name is "", without
 * following a link, but by what the kernel knows: the file system is not asked, since one
 * that another user has mounted need not answer, or may claim to be root's. The root of such a
 * mount belongs to who has made it. Returns 0, or -1 with errno.
 */
int	 trusted_stat(int dir, const char *name, struct statx *);
/* The last name of an absolute path, without slashes after it: what stands in that directory. */
void	 trusted_last_name(const char *path, char *name, size_t size);

#endif
