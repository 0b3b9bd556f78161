/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * folder.h: folders that the supervisor makes for others, who may do in them
 * what they like, and that it empties.
 */
#ifndef PM_FOLDER_H
#define PM_FOLDER_H

#include <sys/types.h>

#include "config/conf.h"

struct folder_owner {
	int	 change;	/* started as root: it is given to these */
	uid_t	 uid;
	gid_t	 gid;
	mode_t	 mode;
};

/* Logs what is wrong with a folder; returns -1. */
int	 folder_complain(const char *path, const char *why);
/* One of our own that others pass through: theirs is below it. 0 or -1, logged. */
int	 folder_make_parent(const char *path);
/*
 * Makes a folder for somebody else, or empties the one that is there. 0 or -1,
 * logged.
 */
int	 folder_make(const char *path, const struct folder_owner *);
/* A folder above it may be closed to the handler's user: then 0. */
int	 folder_can_be_entered(const char *path, const struct handler_conf *);
/* With all in it. */
void	 folder_remove(const char *path);
/* All folders in one of our own. */
void	 folder_clear(const char *path);

#endif
