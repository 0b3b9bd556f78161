/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/directory.c: directories that are given to other users. What those leave
 * in them, or mount on them, must neither hold up a start nor prevent one: so
 * nothing is emptied where it is, but put aside by its name, and removed by a
 * process of its own.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/within.h"
#include "startup/daemon.h"
#include "startup/directory.h"
#include "startup/sweep.h"
#include "system/privdrop.h"

#define ASIDE		".aside."	/* begins the names of what is to be swept */
#define LOCK_FILE	".lock"		/* of startup/tmpdir.c */
#define MAX_NAMES	10000
#define SWEEP_MS	3000
#define TRY_MS		3000

int
directory_complain(const char *path, const char *why)
{
	log_msg(LOG_ERR, NULL, "directory for working files %s: %s", path, why);
	return -1;
}

static int
open_directory(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
directory_make_parent(int parent, const char *name, const char *path)
{
	struct stat	 st;
	const char	*why = NULL;
	int		 fd;

	if (mkdirat(parent, name, 0711) == -1 && errno != EEXIST)
		return directory_complain(path, strerror(errno));
	if ((fd = open_directory(parent, name)) == -1)
		return directory_complain(path, errno == ENOTDIR || errno == ELOOP ?
		    "not a directory" : strerror(errno));
	if (fstat(fd, &st) == -1)
		why = strerror(errno);
	else if (st.st_uid != geteuid())
		why = "belongs to another user";
	else if ((st.st_mode & 0022) != 0)
		why = "others may write to it";
	if (why == NULL)
		return fd;
	(void)close(fd);
	return directory_complain(path, why);
}

/* Gives it another name. 0, or -1 with errno: a mount stands on it, or the like. */
static int
put_aside(int parent, const char *name)
{
	char		 aside[NAME_MAX + 1];
	unsigned int	 n = 0;
	int		 ret;

	do {
		(void)snprintf(aside, sizeof(aside), ASIDE "%u.%.200s", n, name);
		ret = renameat2(parent, name, parent, aside, RENAME_NOREPLACE);
		/* Not all file systems have it. None replaces a directory that is not empty. */
		if (ret == -1 && errno == EINVAL)
			ret = renameat(parent, name, parent, aside);
	} while (ret == -1 && (errno == EEXIST || errno == ENOTEMPTY) && ++n < MAX_NAMES);
	return ret;
}

static int
give_away(int fd, const struct directory_owner *owner)
{
	if (owner->change && fchown(fd, owner->uid, owner->gid) == -1)
		return -1;
	return fchmod(fd, owner->mode);
}

/* Makes one that is not there. -1 with errno. */
static int
make_one(int parent, const char *name, const struct directory_owner *owner)
{
	int	 fd;

	if (mkdirat(parent, name, 0700) == -1)
		return -1;
	if ((fd = open_directory(parent, name)) == -1)
		return -1;
	if (give_away(fd, owner) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static char *
join(const char *base, const char *name)
{
	char	*path;

	if (asprintf(&path, "%s/%s", base, name) == -1)
		fatal("asprintf");
	return path;
}

/* chmod(2) succeeds although it drops the bit, where a process may not set it for this group. */
static int
lacks_set_group_id(int fd, const struct directory_owner *owner)
{
	struct stat	 st;

	return (owner->mode & S_ISGID) != 0 &&
	    (fstat(fd, &st) == -1 || (st.st_mode & S_ISGID) == 0);
}

/* Makes one with another name, and changes *path. Returns -1 with errno. */
static int
make_other(int parent, const char *base, const char *name, const struct directory_owner *owner,
    char **path)
{
	char		 other[NAME_MAX + 1];
	unsigned int	 n;
	int		 fd = -1;

	for (n = 1; fd == -1 && n < MAX_NAMES; n++) {
		/* No handler's name begins so, and a later start puts it aside. */
		(void)snprintf(other, sizeof(other), ".%u.%.200s", n, name);
		if ((fd = make_one(parent, other, owner)) == -1 && errno != EEXIST)
			break;
	}
	if (fd == -1)
		return -1;
	free(*path);
	*path = join(base, other);
	return fd;
}

/* fd: of one that was made, or -1 with this errno. Returns it, or -1, logged. */
static int
check_made(int fd, int error, const struct directory_owner *owner, const char *path)
{
	if (fd == -1)
		return directory_complain(path, strerror(error));
	if (lacks_set_group_id(fd, owner)) {
		(void)close(fd);
		return directory_complain(path, "its set-group-id bit was dropped; "
		    "the capability CAP_FSETID is missing");
	}
	return fd;
}

int
directory_make(int parent, const char *base, const char *name,
    const struct directory_owner *owner, char **path)
{
	char	*wanted;
	int	 fd, error;

	*path = join(base, name);
	if (strlen(*path) >= PATH_MAX)
		return directory_complain(*path, strerror(ENAMETOOLONG));
	if ((fd = make_one(parent, name, owner)) == -1 && errno == EEXIST &&
	    put_aside(parent, name) == 0)
		fd = make_one(parent, name, owner);
	error = errno;
	if (fd == -1 && error != ENOSPC && error != EROFS) {
		wanted = join(base, name);
		if ((fd = make_other(parent, base, name, owner, path)) != -1)
			log_msg(LOG_WARNING, NULL, "directory for working files %s: cannot be put "
			    "aside: %s; %s is used instead", wanted, strerror(error), *path);
		free(wanted);
	}
	return check_made(fd, error, owner, *path);
}

int
directory_make_beside(int parent, const char *base, const char *name,
    const struct directory_owner *owner, char **path)
{
	int	 fd;

	*path = join(base, name);
	if (strlen(*path) >= PATH_MAX)
		return directory_complain(*path, strerror(ENAMETOOLONG));
	fd = make_other(parent, base, name, owner, path);
	return check_made(fd, errno, owner, *path);
}

struct entering {
	const char			*path;
	const struct handler_conf	*h;
};

static int
try_to_enter(void *arg)
{
	const struct entering	*e = arg;

	if (privdrop(e->h->uid, e->h->gid, e->h->groups, e->h->ngroups) == -1)
		return 1;
	return chdir(e->path) == 0 ? 0 : 1;
}

/* The user can stop who tries it: that is no reason not to start. */
int
directory_can_be_entered(const char *path, const struct handler_conf *h)
{
	struct entering	 e = { path, h };

	if (h->user == NULL)
		return 1;
	return within(TRY_MS, 1, try_to_enter, &e) != 1;
}

static int
is_aside(const char *name)
{
	return strncmp(name, ASIDE, strlen(ASIDE)) == 0;
}

/*
 * Calls fn for each directory in parent. What the entry says it is, is so without
 * a question to what may be mounted on it. Returns for how many fn returned 0.
 */
static size_t
for_each(int parent, int (*fn)(int, const char *))
{
	int		 fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		*dir;
	struct dirent	*e;
	size_t		 n = 0;

	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		if (fd != -1)
			(void)close(fd);
		return 0;
	}
	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
			n += fn(parent, e->d_name) == 0;
	(void)closedir(dir);
	return n;
}

static int
retire(int parent, const char *name)
{
	return is_aside(name) || strcmp(name, LOCK_FILE) == 0 ? 0 : put_aside(parent, name);
}

void
directory_retire(int parent, const char *path)
{
	const char	*name = strrchr(path, '/');

	/* What stands in the way is found at the next start. */
	if (name != NULL)
		(void)put_aside(parent, name + 1);
}

void
directory_retire_all(int parent)
{
	(void)for_each(parent, retire);
}

static int
sweep_one(int parent, const char *name)
{
	return is_aside(name) ? sweep_entry(parent, name) : -1;
}

static int
sweep_all(void *arg)
{
	const int	*parent = arg;

	int		 passes = 0;

	daemon_pidfile_forget();
	/* What is too deep comes up here, to be found by the next pass. */
	while (for_each(*parent, sweep_one) > 0 && ++passes < MAX_NAMES)
		;
	return 0;
}

void
directory_sweep(int parent)
{
	if (within(SWEEP_MS, 0, sweep_all, &parent) == -1 && errno == ETIMEDOUT)
		log_msg(LOG_WARNING, NULL, "directories for working files of an earlier run take "
		    "long to be removed; not waiting for that");
}

void
directory_sweep_later(int parent)
{
	pid_t	 pid = fork();

	if (pid == -1)
		log_warn("fork");
	if (pid != 0)
		return;
	/* It may hang as long as it likes: it must hold nothing that somebody waits for. */
	if (dup2(parent, STDIN_FILENO) == -1)
		_exit(1);
	closefrom(STDIN_FILENO + 1);
	(void)open("/dev/null", O_WRONLY);
	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
	parent = STDIN_FILENO;
	_exit(sweep_all(&parent));
}

int
directory_has_entries(int fd)
{
	int		 copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		*dir;
	struct dirent	*e;
	int		 n = 0;

	if (copy == -1 || (dir = fdopendir(copy)) == NULL) {
		if (copy != -1)
			(void)close(copy);
		return 1;
	}
	while ((e = readdir(dir)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(dir);
	return n > 0;
}
