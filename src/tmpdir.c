/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "privdrop.h"
#include "tmpdir.h"
#include "xmalloc.h"

static char	*private_base;	/* ours to remove */
static int	 lock_fd = -1;

static int
complain(const char *path, const char *why)
{
	log_msg(LOG_ERR, NULL, "folder for temporary files %s: %s", path, why);
	return -1;
}

/* A folder that others pass through: theirs is below it. */
static int
make_parent(const char *path)
{
	struct stat	 st;

	if (mkdir(path, 0711) == -1 && errno != EEXIST)
		return complain(path, strerror(errno));
	if (lstat(path, &st) == -1)
		return complain(path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(path, "not a folder");
	if (st.st_uid != geteuid())
		return complain(path, "belongs to another user");
	if ((st.st_mode & 0022) != 0)
		return complain(path, "others may write to it");
	return 0;
}

static char *
make_private(void)
{
	const char	*where = getenv("TMPDIR");
	char		 path[PATH_MAX];
	int		 n;

	if (where == NULL || where[0] != '/')
		where = "/tmp";
	n = snprintf(path, sizeof(path), "%s/pipemilter.XXXXXX", where);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		(void)complain(where, strerror(ENAMETOOLONG));
		return NULL;
	}
	if (mkdtemp(path) == NULL || chmod(path, 0711) == -1) {
		(void)complain(path, strerror(errno));
		return NULL;
	}
	private_base = xstrdup(path);
	return xstrdup(path);
}

/*
 * Another daemon's handlers would find their folders emptied. The lock goes
 * with the supervisor, however that ends.
 */
static int
lock_base(const char *base)
{
	char	 path[PATH_MAX];
	int	 n;

	n = snprintf(path, sizeof(path), "%s/.lock", base);
	if (n < 0 || (size_t)n >= sizeof(path))
		return complain(base, strerror(ENAMETOOLONG));
	lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd == -1)
		return complain(path, strerror(errno));
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == -1)
		return complain(base, errno == EWOULDBLOCK ? "another pipemilter uses it; "
		    "give this one a spool-directory of its own" : strerror(errno));
	return 0;
}

void
tmpdir_forget(void)
{
	if (lock_fd != -1)
		close(lock_fd);
	lock_fd = -1;
}

static char *
make_base(const struct conf *conf, int private)
{
	char	 path[PATH_MAX];
	int	 n;

	if (private)
		return make_private();
	n = snprintf(path, sizeof(path), "%s/tmp", conf->spool_directory);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		(void)complain(conf->spool_directory, strerror(ENAMETOOLONG));
		return NULL;
	}
	if (mkdir(conf->spool_directory, 0711) == -1 && errno != EEXIST) {
		(void)complain(conf->spool_directory, strerror(errno));
		return NULL;
	}
	if (make_parent(path) == -1 || lock_base(path) == -1)
		return NULL;
	return xstrdup(path);
}

static void
remove_entry(FTS *fts, FTSENT *e)
{
	switch (e->fts_info) {
	case FTS_D:
		/* What was unpacked there may be a folder that can't be written. */
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

/* Returns 0 if nothing is left in the folder. */
static int
empty_folder(int fd)
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
 * Empties it as its owner, in a process of its own: whoever may write there
 * can swap folders for links while we walk.
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
		_exit(empty_folder(fd) == 0 ? 0 : 1);
	}
	return succeeded(pid) ? 0 : -1;
}

/* A folder above it may be closed to the handler's user. */
static int
can_be_reached(const struct handler_conf *h, const char *path)
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

static int
own_folder(const struct handler_conf *h, int fd)
{
	if (h->user != NULL && fchown(fd, h->uid, h->gid) == -1)
		return -1;
	return fchmod(fd, 0700);
}

static int
make_folder(const struct handler_conf *h, const char *path)
{
	struct stat	 st;
	int		 fd, ret = 0;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return complain(path, strerror(errno));
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC)) == -1 || fstat(fd, &st) == -1) {
		ret = complain(path, strerror(errno));
	} else if (empty_as_owner(fd, &st) == -1) {
		ret = complain(path, "cannot be emptied");
	} else if (own_folder(h, fd) == -1) {
		ret = complain(path, strerror(errno));
	} else if (!can_be_reached(h, path))
		ret = complain(path, "the handler's user cannot enter it");
	if (fd != -1)
		close(fd);
	return ret;
}

static int
prepare_one(struct handler_conf *h, const char *base)
{
	char	 path[PATH_MAX];
	int	 n;

	n = snprintf(path, sizeof(path), "%s/%s", base, h->name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return complain(base, strerror(ENAMETOOLONG));
	/* Set even if it fails: what was made is removed by this. */
	h->tmpdir = xstrdup(path);
	return make_folder(h, path);
}

int
tmpdir_prepare(struct conf *conf, int private)
{
	char	*base;
	size_t	 i;
	int	 ret = 0;

	if ((base = make_base(conf, private)) == NULL)
		return -1;
	for (i = 0; i < conf->nhandlers && ret == 0; i++)
		ret = prepare_one(&conf->handlers[i], base);
	free(base);
	return ret;
}

static void
remove_one(const char *path)
{
	struct stat	 st;
	int		 fd;

	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC)) == -1)
		return;
	if (fstat(fd, &st) == 0)
		(void)empty_as_owner(fd, &st);
	close(fd);
	if (rmdir(path) == -1)
		log_warn("removing %s", path);
}

void
tmpdir_remove(const struct conf *conf)
{
	size_t	 i;

	if (private_base == NULL)
		return;
	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].tmpdir != NULL)
			remove_one(conf->handlers[i].tmpdir);
	if (rmdir(private_base) == -1)
		log_warn("removing %s", private_base);
	free(private_base);
	private_base = NULL;
}
