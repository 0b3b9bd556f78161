/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/directory.h: directories that the supervisor makes for other users,
 * who may do in them what they like, and that it empties.
 */
#ifndef PM_STARTUP_DIRECTORY_H
#define PM_STARTUP_DIRECTORY_H

#include <sys/types.h>

#include "config/conf.h"

struct directory_owner {
	int	 change;	/* started as root: give it to this user and group */
	uid_t	 uid;
	gid_t	 gid;
	mode_t	 mode;
};

/* Logs what is wrong with a directory. Returns -1. */
int	 directory_complain(const char *path, const char *why);
/* Makes a directory of our own, below which those of others lie. Returns 0, or -1, logged. */
int	 directory_make_parent(const char *path);
/*
 * Makes a directory for another user, or empties the one that is there. Returns
 * 0, or -1, logged.
 */
int	 directory_make(const char *path, const struct directory_owner *);
/* 1 if the handler's user can enter it; a directory above it may be closed to that user. */
int	 directory_can_be_entered(const char *path, const struct handler_conf *);
/* Removes a directory with all that is in it. */
void	 directory_remove(const char *path);
/* Removes all directories inside a directory of our own. */
void	 directory_clear(const char *path);

#endif
