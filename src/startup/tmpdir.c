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
static char	*base_path;		/* its path */
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
	spooldir_forget();
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
prepare_one(const struct handler_conf *h, const char *base, int taken, char **tmpdir)
{
	struct directory_owner	 owner = { h->user != NULL, h->uid, h->gid, 0700 };
	int			 fd;

	/* Set even if it fails: what was made is removed by this. */
	fd = (taken ? directory_make_beside : directory_make)(base_fd, base, h->name, &owner,
	    tmpdir);
	if (fd == -1)
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
		if (prepare_one(&conf->handlers[i], base, 0, &rt->tmpdirs[i]) == -1)
			return -1;
	directory_sweep(base_fd);
	return 0;
}

int
tmpdir_prepare(const struct conf *conf, struct runtime *rt, int private)
{
	int	 ret, spool = -1;

	if (!private && (spool = open_trusted(conf->spool_directory, 1)) == -1)
		return -1;
	base_path = private ? make_private() : make_base(conf, spool);
	ret = base_path == NULL ? -1 : prepare_all(conf, rt, base_path);
	if (ret == 0 && private)
		ret = spooldir_prepare(conf, rt, base_fd, base_path, ".spool");
	else if (ret == 0)
		ret = spooldir_prepare(conf, rt, spool, conf->spool_directory, "spool");
	if (spool != -1)
		(void)close(spool);
	return ret;
}

/*
 * The directory of a handler of that name and user; NULL: there is none. *taken: there is one of
 * that name.
 */
static const char *
find_shared(const struct handler_conf *h, const struct tenant *tenants, size_t n, int *taken)
{
	const struct handler_conf	*other;
	size_t				 i, j;

	for (*taken = 0, i = 0; i < n; i++)
		for (j = 0; j < tenants[i].conf->nhandlers; j++) {
			other = &tenants[i].conf->handlers[j];
			if (strcmp(other->name, h->name) != 0)
				continue;
			*taken = 1;
			if ((other->user == NULL) == (h->user == NULL) && other->uid == h->uid &&
			    other->gid == h->gid)
				return tenants[i].runtime->tmpdirs[j];
		}
	return NULL;
}

static int
renew_all(const struct conf *conf, struct runtime *rt, const struct tenant *tenants, size_t n)
{
	const char	*path;
	size_t		 i;
	int		 taken;

	for (i = 0; i < conf->nhandlers; i++) {
		path = find_shared(&conf->handlers[i], tenants, n, &taken);
		if (path != NULL)
			rt->tmpdirs[i] = xstrdup(path);
		else if (prepare_one(&conf->handlers[i], base_path, taken, &rt->tmpdirs[i]) == -1)
			return -1;
	}
	return 0;
}

int
tmpdir_renew(const struct conf *conf, struct runtime *rt, const struct tenant *tenants, size_t n)
{
	int	 ret, spool;

	if (renew_all(conf, rt, tenants, n) == -1)
		return -1;
	if (private_base != NULL)
		return spooldir_renew(conf, rt, base_fd, base_path, ".spool", tenants, n);
	if ((spool = open_trusted(conf->spool_directory, 0)) == -1)
		return -1;
	ret = spooldir_renew(conf, rt, spool, conf->spool_directory, "spool", tenants, n);
	(void)close(spool);
	return ret;
}

static int
is_used(const char *path, const struct tenant *tenants, size_t n)
{
	size_t	 i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < tenants[i].runtime->nhandlers; j++)
			if (tenants[i].runtime->tmpdirs[j] != NULL &&
			    strcmp(tenants[i].runtime->tmpdirs[j], path) == 0)
				return 1;
	return 0;
}

void
tmpdir_release(const struct runtime *rt, const struct tenant *tenants, size_t n)
{
	size_t	 i;
	int	 retired = 0;

	for (i = 0; i < rt->nhandlers; i++) {
		if (rt->tmpdirs[i] == NULL || is_used(rt->tmpdirs[i], tenants, n))
			continue;
		directory_retire(base_fd, rt->tmpdirs[i]);
		retired = 1;
	}
	if (retired)
		directory_sweep_later(base_fd);
	spooldir_release(rt, tenants, n);
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
tmpdir_remove(void)
{
	spooldir_remove();
	if (private_base != NULL)
		remove_private();
	free(base_path);
	base_path = NULL;
	/* Not only by the exit: the pid file goes before, and then the next one may start. */
	tmpdir_forget();
}
