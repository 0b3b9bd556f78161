/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/sweep.c: removes a tree whose owners may still be at work in it. All goes
 * by descriptors, so it does not matter what is moved where meanwhile.
 */
#include "base/compat.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "startup/sweep.h"

#define MAX_DEPTH	100	/* descriptors; what is deeper is moved up */
#define MAX_PASSES	100	/* somebody may make files as fast as we remove them */

struct sweep {
	int		 top;		/* the directory that the whole is in */
	const char	*name;		/* its name there */
	dev_t		 dev;
	int		 roots_own;	/* it belongs to root, so nobody else could write it */
	unsigned int	 moved;
};

static int	 remove_entry(struct sweep *, int parent, const char *name, int depth);

/* With the rights of this user, if we are root; 0: with our own again. */
static void
act_as(uid_t uid)
{
	if (getuid() == 0 && geteuid() != uid)
		(void)seteuid(uid);
}

/* The descriptor of a directory, or -1 if it is none that we enter. */
static int
open_sub(const struct sweep *sw, int parent, const char *name, uid_t *owner)
{
	struct statx	 sx;
	struct stat	 st;
	int		 fd;

	/* By what the kernel knows: a file system of somebody's own is not asked. */
	if (statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0,
	    &sx) == -1 || makedev(sx.stx_dev_major, sx.stx_dev_minor) != sw->dev)
		return -1;
	/* Only the owner can make a directory readable, and nobody can fool the owner. */
	if ((fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1 &&
	    errno == EACCES && geteuid() != 0 && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1 || st.st_dev != sw->dev ||
	    (geteuid() == 0 && st.st_uid == 0 && !sw->roots_own)) {
		(void)close(fd);
		return -1;
	}
	*owner = st.st_uid;
	(void)fchmod(fd, 0700);
	return fd;
}

/* Returns how many entries were removed; left: how many were not. */
static size_t
pass(struct sweep *sw, DIR *dir, int fd, uid_t owner, int depth, size_t *left)
{
	struct dirent	*e;
	size_t		 removed = 0;

	*left = 0;
	rewinddir(dir);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		act_as(owner);
		if (remove_entry(sw, fd, e->d_name, depth) == 0)
			removed++;
		else
			(*left)++;
	}
	return removed;
}

static void
empty(struct sweep *sw, int fd, uid_t owner, int depth)
{
	DIR	*dir = fdopendir(fd);
	size_t	 left = 0;
	int	 passes = 0;

	if (dir == NULL) {
		(void)close(fd);
		return;
	}
	while (pass(sw, dir, fd, owner, depth, &left) > 0 && ++passes < MAX_PASSES)
		;
	(void)closedir(dir);
}

/* To the top, where it is found by another pass. */
static int
move_up(struct sweep *sw, int parent, const char *name)
{
	char	 to[NAME_MAX + 1];

	(void)snprintf(to, sizeof(to), "%.200s.%u", sw->name, sw->moved++);
	act_as(0);
	return renameat(parent, name, sw->top, to);
}

/* Called with the rights of the parent's owner. */
static int
remove_entry(struct sweep *sw, int parent, const char *name, int depth)
{
	uid_t	 us = geteuid(), owner;
	int	 fd, ret;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT ||
	    unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
		return -1;
	if (depth >= MAX_DEPTH)
		return move_up(sw, parent, name);
	act_as(0);
	if ((fd = open_sub(sw, parent, name, &owner)) != -1)
		empty(sw, fd, owner, depth + 1);
	act_as(0);
	act_as(us);
	ret = unlinkat(parent, name, AT_REMOVEDIR);
	return ret == 0 || errno == ENOENT ? 0 : -1;
}

int
sweep_entry(int parent, const char *name)
{
	struct sweep	 sw = { .top = parent, .name = name };
	struct stat	 st;

	if (fstat(parent, &st) == -1)
		return -1;
	sw.dev = st.st_dev;
	/* Root's own stays so: only root can move it here. */
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		sw.roots_own = st.st_dev == sw.dev && st.st_uid == 0;
	return remove_entry(&sw, parent, name, 0);
}
