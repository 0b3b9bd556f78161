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
#include "base/xmalloc.h"
#include "startup/directory.h"
#include "startup/spooldir.h"
#include "startup/tmpdir.h"

static char	*private_base;	/* made by us, to be removed by us */
static int	 lock_fd = -1;

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
		(void)directory_complain(where, strerror(ENAMETOOLONG));
		return NULL;
	}
	if (mkdtemp(path) == NULL || chmod(path, 0711) == -1) {
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
	char	 path[PATH_MAX];
	int	 n;

	n = snprintf(path, sizeof(path), "%s/.lock", base);
	if (n < 0 || (size_t)n >= sizeof(path))
		return directory_complain(base, strerror(ENAMETOOLONG));
	lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd == -1)
		return directory_complain(path, strerror(errno));
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == -1)
		return directory_complain(base, errno == EWOULDBLOCK ? "another pipemilter uses it, "
		    "or one that is ending and waits for its clients (drain-timeout); wait, or give "
		    "this one a spool-directory of its own" : strerror(errno));
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
		(void)directory_complain(conf->spool_directory, strerror(ENAMETOOLONG));
		return NULL;
	}
	if (mkdir(conf->spool_directory, 0711) == -1 && errno != EEXIST) {
		(void)directory_complain(conf->spool_directory, strerror(errno));
		return NULL;
	}
	if (directory_make_parent(path) == -1 || lock_base(path) == -1)
		return NULL;
	return xstrdup(path);
}

static int
prepare_one(const struct handler_conf *h, const char *base, char **tmpdir)
{
	struct directory_owner	 owner = { h->user != NULL, h->uid, h->gid, 0700 };
	char			 path[PATH_MAX];
	int			 n;

	n = snprintf(path, sizeof(path), "%s/%s", base, h->name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return directory_complain(base, strerror(ENAMETOOLONG));
	/* Set also if the next step fails, since tmpdir_remove() looks for it. */
	*tmpdir = xstrdup(path);
	if (directory_make(path, &owner) == -1)
		return -1;
	if (!directory_can_be_entered(path, h))
		return directory_complain(path, "the handler's user cannot enter it");
	return 0;
}

int
tmpdir_prepare(const struct conf *conf, struct runtime *rt, int private)
{
	char	*base;
	size_t	 i;
	int	 ret = 0;

	if ((base = make_base(conf, private)) == NULL)
		return -1;
	for (i = 0; i < conf->nhandlers && ret == 0; i++)
		ret = prepare_one(&conf->handlers[i], base, &rt->tmpdirs[i]);
	if (ret == 0 && private)
		ret = spooldir_prepare(conf, rt, base, ".spool");
	else if (ret == 0)
		ret = spooldir_prepare(conf, rt, conf->spool_directory, "spool");
	free(base);
	return ret;
}

void
tmpdir_remove(struct runtime *rt)
{
	size_t	 i;

	spooldir_remove(rt);
	/*
	 * Now and not by the exit: the pid file is removed before that, and
	 * then the next daemon may start.
	 */
	tmpdir_forget();
	if (private_base == NULL)
		return;
	for (i = 0; i < rt->nhandlers; i++)
		if (rt->tmpdirs[i] != NULL)
			directory_remove(rt->tmpdirs[i]);
	if (rmdir(private_base) == -1)
		log_warn("removing %s", private_base);
	free(private_base);
	private_base = NULL;
}
