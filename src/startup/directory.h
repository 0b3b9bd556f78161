/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/directory.h: directories for other users, below one that is our own.
 */
#ifndef PM_STARTUP_DIRECTORY_H
#define PM_STARTUP_DIRECTORY_H

#include "config/conf.h"

struct directory_owner {
	int	 change;	/* started as root: it is given to these */
	uid_t	 uid;
	gid_t	 gid;
	mode_t	 mode;
};

/* Logs what is wrong with a directory; returns -1. */
int	 directory_complain(const char *path, const char *why);
/*
 * One of our own that others pass through: theirs is below it. It is made in
 * parent if it is missing. path is for messages. Returns a descriptor, or -1, logged.
 */
int	 directory_make_parent(int parent, const char *name, const char *path);
/*
 * Makes an empty directory for somebody else in parent, whose path is base. One
 * that is there is put aside, to be swept. If that can't be done the new one has
 * another name. Sets *path, malloc'd. Returns a descriptor, or -1, logged.
 */
int	 directory_make(int parent, const char *base, const char *name,
	    const struct directory_owner *, char **path);
/* The same, but one that is there is in use, and stays: the new one has another name. */
int	 directory_make_beside(int parent, const char *base, const char *name,
	    const struct directory_owner *, char **path);
/* Nobody uses the directory at this path in parent any more: it is put aside, to be swept. */
void	 directory_retire(int parent, const char *path);
/* 0 if the handler's user can't enter it: a directory above it may be closed to him. */
int	 directory_can_be_entered(const char *path, const struct handler_conf *);
/* Puts aside all directories in parent. */
void	 directory_retire_all(int parent);
/*
 * Removes what was put aside in parent. Waits for that for some seconds; what is
 * not removed by then goes on to be, or is when we are started next.
 */
void	 directory_sweep(int parent);
/* The same without a wait. The process that does it is the caller's to reap. */
void	 directory_sweep_later(int parent);
/* 1 if there is something in it. */
int	 directory_has_entries(int fd);

#endif
