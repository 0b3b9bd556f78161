/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/directory.c: makes, empties and removes directories that belong to
 * other users.
 */
#include "base/compat.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <limits.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "startup/daemon.h"
#include "startup/directory.h"
#include "system/privdrop.h"

int
directory_complain(const char *path, const char *why)
{
	log_msg(LOG_ERR, NULL, "directory for working files %s: %s", path, why);
	return -1;
}

int
directory_make_parent(const char *path)
{
	struct stat	 st;

	if (mkdir(path, 0711) == -1 && errno != EEXIST)
		return directory_complain(path, strerror(errno));
	if (lstat(path, &st) == -1)
		return directory_complain(path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return directory_complain(path, "not a directory");
	if (st.st_uid != geteuid())
		return directory_complain(path, "belongs to another user");
	if ((st.st_mode & 0022) != 0)
		return directory_complain(path, "others may write to it");
	return 0;
}

static void
remove_entry(FTS *fts, FTSENT *e)
{
	switch (e->fts_info) {
	case FTS_D:
		/* A handler may have unpacked directories that are not writable. */
		if (e->fts_level > FTS_ROOTLEVEL)
			(void)chmod(e->fts_accpath, 0700);
		break;
	case FTS_DP:
		if (e->fts_level > FTS_ROOTLEVEL)
			(void)rmdir(e->fts_accpath);
		break;
	case FTS_DNR:
	case FTS_NS:
		(void)fts_set(fts, e, FTS_SKIP);
		break;
	default:
		(void)unlink(e->fts_accpath);
	}
}

/* Returns 0 if nothing is left in the directory. */
static int
empty_directory(int fd)
{
	char	 here[] = ".";
	char	*roots[] = { here, NULL };
	FTS	*fts;
	FTSENT	*e;
	int	 left = 0;

	if (fchdir(fd) == -1 ||
	    (fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV, NULL)) == NULL)
		return -1;
	while ((e = fts_read(fts)) != NULL)
		remove_entry(fts, e);
	(void)fts_close(fts);
	if (fchdir(fd) == -1 ||
	    (fts = fts_open(roots, FTS_PHYSICAL, NULL)) == NULL)
		return -1;
	if (fts_read(fts) == NULL || fts_children(fts, 0) != NULL)
		left = -1;
	(void)fts_close(fts);
	return left;
}

static int
succeeded(pid_t pid)
{
	int	 status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * Empties a directory as its owner, in a process of its own: who may write
 * there can swap directories for links while we walk.
 */
static int
empty_as_owner(int fd, const struct stat *st)
{
	pid_t	 pid;

	if ((pid = fork()) == -1)
		return -1;
	if (pid == 0) {
		daemon_pidfile_forget();
		if (geteuid() == 0 && st->st_uid != 0 &&
		    privdrop(st->st_uid, st->st_gid, &st->st_gid, 1) == -1)
			_exit(1);
		_exit(empty_directory(fd) == 0 ? 0 : 1);
	}
	return succeeded(pid) ? 0 : -1;
}

static int
open_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
prepare_directory(int fd, const char *path, const struct directory_owner *owner)
{
	struct stat	 st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return directory_complain(path, strerror(errno));
	if (empty_as_owner(fd, &st) == -1)
		return directory_complain(path, "cannot be emptied");
	if ((owner->change && fchown(fd, owner->uid, owner->gid) == -1) ||
	    fchmod(fd, owner->mode) == -1)
		return directory_complain(path, strerror(errno));
	return 0;
}

int
directory_make(const char *path, const struct directory_owner *owner)
{
	int	 fd, ret;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return directory_complain(path, strerror(errno));
	fd = open_directory(path);
	ret = prepare_directory(fd, path, owner);
	if (fd != -1)
		close(fd);
	return ret;
}

int
directory_can_be_entered(const char *path, const struct handler_conf *h)
{
	pid_t	 pid;

	if (h->user == NULL)
		return 1;
	if ((pid = fork()) == -1)
		return 0;
	if (pid == 0) {
		daemon_pidfile_forget();
		if (privdrop(h->uid, h->gid, h->groups, h->ngroups) == -1)
			_exit(1);
		_exit(chdir(path) == 0 ? 0 : 1);
	}
	return succeeded(pid);
}

void
directory_remove(const char *path)
{
	struct stat	 st;
	int		 fd;

	if ((fd = open_directory(path)) == -1)
		return;
	if (fstat(fd, &st) == 0)
		(void)empty_as_owner(fd, &st);
	close(fd);
	if (rmdir(path) == -1)
		log_warn("removing %s", path);
}

void
directory_clear(const char *path)
{
	struct dirent	*e;
	DIR		*dir;
	char		 one[PATH_MAX];

	if ((dir = opendir(path)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    (size_t)snprintf(one, sizeof(one), "%s/%s", path, e->d_name) < sizeof(one))
			directory_remove(one);
	(void)closedir(dir);
}
