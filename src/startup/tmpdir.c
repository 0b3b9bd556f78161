/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/tmpdir.c: makes and removes TMPDIR of each handler, and locks the
 * spool directory.
 */
#include "base/compat.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trusted.h"
#include "base/xmalloc.h"
#include "startup/directory.h"
#include "startup/spooldir.h"
#include "startup/tmpdir.h"

static int	 base_fd = -1;		/* the directory that those of handlers are in */
static char	*private_base;		/* its path, if it is ours to remove */
static int	 lock_fd = -1;

/* Opens what the administrator named, or complains of it. */
static int
open_trusted(const char *path, int make)
{
	char	 why[TRUSTED_WHY];
	int	 fd = trusted_open(path, make, why, sizeof(why));

	return fd != -1 ? fd : directory_complain(path, why);
}

static char *
make_private(void)
{
	const char	*where = getenv("TMPDIR");
	char		 path[PATH_MAX];
	int		 n, fd;

	if (where == NULL || where[0] != '/')
		where = "/tmp";
	if ((fd = open_trusted(where, 0)) == -1)
		return NULL;
	(void)close(fd);
	n = snprintf(path, sizeof(path), "%s/pipemilter.XXXXXX", where);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		(void)directory_complain(where, strerror(ENAMETOOLONG));
		return NULL;
	}
	if (mkdtemp(path) == NULL || (base_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC)) == -1 || fchmod(base_fd, 0711) == -1) {
		(void)directory_complain(path, strerror(errno));
		return NULL;
	}
	/* If this process is a fork, that of its parent is not ours to remove. */
	free(private_base);
	private_base = xstrdup(path);
	return xstrdup(path);
}

/*
 * Another daemon would empty the directories of handlers that run. The kernel
 * drops the lock when the supervisor ends, however it ends.
 */
static int
lock_base(const char *base)
{
	lock_fd = openat(base_fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd == -1)
		return directory_complain(base, strerror(errno));
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == -1)
		return directory_complain(base, errno == EWOULDBLOCK ? "another pipemilter uses it, "
		    "or one that is ending and waits for its clients (drain-timeout); wait, or give "
		    "this one a spool-directory of its own" : strerror(errno));
	return 0;
}

static void
close_base(void)
{
	if (base_fd != -1)
		(void)close(base_fd);
	base_fd = -1;
}

void
tmpdir_forget(void)
{
	if (lock_fd != -1)
		close(lock_fd);
	lock_fd = -1;
	close_base();
}

/* spool: the spool directory. */
static char *
make_base(const struct conf *conf, int spool)
{
	char	 path[PATH_MAX];
	int	 n;

	n = snprintf(path, sizeof(path), "%s/tmp", conf->spool_directory);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		(void)directory_complain(conf->spool_directory, strerror(ENAMETOOLONG));
		return NULL;
	}
	if ((base_fd = directory_make_parent(spool, "tmp", path)) == -1 || lock_base(path) == -1)
		return NULL;
	/* Directories whose name is no handler's. */
	directory_retire_all(base_fd);
	return xstrdup(path);
}

static int
prepare_one(const struct handler_conf *h, const char *base, char **tmpdir)
{
	struct directory_owner	 owner = { h->user != NULL, h->uid, h->gid, 0700 };
	int			 fd;

	/* Set even if it fails: what was made is removed by this. */
	if ((fd = directory_make(base_fd, base, h->name, &owner, tmpdir)) == -1)
		return -1;
	(void)close(fd);
	if (!directory_can_be_entered(*tmpdir, h))
		return directory_complain(*tmpdir, "the handler's user cannot enter it");
	return 0;
}

static int
prepare_all(const struct conf *conf, struct runtime *rt, const char *base)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (prepare_one(&conf->handlers[i], base, &rt->tmpdirs[i]) == -1)
			return -1;
	directory_sweep(base_fd);
	return 0;
}

int
tmpdir_prepare(const struct conf *conf, struct runtime *rt, int private)
{
	char	*base;
	int	 ret, spool = -1;

	if (!private && (spool = open_trusted(conf->spool_directory, 1)) == -1)
		return -1;
	base = private ? make_private() : make_base(conf, spool);
	ret = base == NULL ? -1 : prepare_all(conf, rt, base);
	if (ret == 0 && private)
		ret = spooldir_prepare(conf, rt, base_fd, base, ".spool");
	else if (ret == 0)
		ret = spooldir_prepare(conf, rt, spool, conf->spool_directory, "spool");
	if (spool != -1)
		(void)close(spool);
	free(base);
	return ret;
}

static void
remove_private(void)
{
	if (base_fd != -1) {
		directory_retire_all(base_fd);
		directory_sweep(base_fd);
	}
	if (rmdir(private_base) == -1)
		log_warn("removing %s", private_base);
	free(private_base);
	private_base = NULL;
}

void
tmpdir_remove(struct runtime *rt)
{
	spooldir_remove(rt);
	if (private_base != NULL)
		remove_private();
	/* Not only by the exit: the pid file goes before, and then the next one may start. */
	tmpdir_forget();
}
