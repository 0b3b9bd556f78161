/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/directory.h: directories that the supervisor makes for others, who may do in them
 * what they like, and that it empties.
 */
#ifndef PM_STARTUP_DIRECTORY_H
#define PM_STARTUP_DIRECTORY_H

#include <sys/types.h>

#include "config/conf.h"

struct directory_owner {
	int	 change;	/* started as root: it is given to these */
	uid_t	 uid;
	gid_t	 gid;
	mode_t	 mode;
};

/* Logs what is wrong with a directory; returns -1. */
int	 directory_complain(const char *path, const char *why);
/* One of our own that others pass through: theirs is below it. 0 or -1, logged. */
int	 directory_make_parent(const char *path);
/*
 * Makes a directory for somebody else, or empties the one that is there. 0 or -1,
 * logged.
 */
int	 directory_make(const char *path, const struct directory_owner *);
/* A directory above it may be closed to the handler's user: then 0. */
int	 directory_can_be_entered(const char *path, const struct handler_conf *);
/* With all in it. */
void	 directory_remove(const char *path);
/* All directories in one of our own. */
void	 directory_clear(const char *path);

#endif
