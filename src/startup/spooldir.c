/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/spooldir.c: makes and removes the directories for messages.
 */
#include "base/compat.h"

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
#include "config/handler_conf.h"
#include "startup/directory.h"
#include "startup/spooldir.h"

/* No handler can have this name. */
#define ENGINE_DIRECTORY	".engine"

static int	 base_fd = -1;		/* the directory that all of them are in; -1: none */
static char	*base_path;

static int
is_needed(const struct conf *conf)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (conf_handler_wants_message(&conf->handlers[i]))
			return 1;
	return 0;
}

/* Returns BASE/NAME, which the caller frees; NULL: too long, logged. */
static char *
join(const char *base, const char *name)
{
	char	 path[PATH_MAX];
	int	 n;

	n = snprintf(path, sizeof(path), "%s/%s", base, name);
	if (n >= 0 && (size_t)n < sizeof(path))
		return xstrdup(path);
	(void)directory_complain(base, strerror(ENAMETOOLONG));
	return NULL;
}

/* Files made in the directory get its group: the engine's user need not be in that group. */
static void
wanted_owner(const struct conf *conf, const struct handler_conf *h, struct directory_owner *owner)
{
	owner->change = conf->have_engine_ids;
	owner->uid = conf->engine_uid;
	owner->gid = h == NULL ? conf->engine_gid : h->gid;
	owner->mode = h != NULL && conf->have_engine_ids ? 02750 : 0700;
}

static int
same_owner(const struct directory_owner *a, const struct directory_owner *b)
{
	return a->change == b->change && (!a->change || (a->uid == b->uid && a->gid == b->gid));
}

static const struct handler_conf *
find_handler(const struct tenant *t, const char *name, size_t *i)
{
	for (*i = 0; *i < t->conf->nhandlers; (*i)++)
		if (strcmp(t->conf->handlers[*i].name, name) == 0)
			return &t->conf->handlers[*i];
	return NULL;
}

/*
 * The directory that another configuration has for a handler (NULL: for engines), if it would be
 * made in the same way. *taken: the name is in use. Returns the path and sets *fd, or NULL.
 */
static const char *
shared(const struct directory_owner *owner, const char *name, const struct tenant *tenants,
    size_t n, int *fd, int *taken)
{
	const struct handler_conf	*h = NULL;
	struct directory_owner		 other;
	const char			*path;
	size_t				 i, at = 0;

	for (*taken = 0, i = 0; i < n; i++) {
		if (name != NULL && (h = find_handler(&tenants[i], name, &at)) == NULL)
			continue;
		path = name == NULL ? tenants[i].runtime->store_directory :
		    tenants[i].runtime->spool_dirs[at].path;
		if (path == NULL)
			continue;
		*taken = 1;
		wanted_owner(tenants[i].conf, h, &other);
		*fd = name == NULL ? -1 : tenants[i].runtime->spool_dirs[at].fd;
		if (same_owner(owner, &other))
			return path;
	}
	return NULL;
}

static int
make_for_handler(const struct conf *conf, const struct runtime *rt, size_t i,
    const struct tenant *tenants, size_t n)
{
	const struct handler_conf	*h = &conf->handlers[i];
	struct spool_dir		*dir = &rt->spool_dirs[i];
	struct directory_owner		 owner;
	const char			*path;
	int				 fd, taken;

	wanted_owner(conf, h, &owner);
	if ((path = shared(&owner, h->name, tenants, n, &fd, &taken)) != NULL) {
		dir->path = xstrdup(path);
		if ((dir->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
			return directory_complain(path, strerror(errno));
		return 0;
	}
	dir->fd = (taken ? directory_make_beside : directory_make)(base_fd, base_path, h->name,
	    &owner, &dir->path);
	if (dir->fd == -1)
		return -1;
	if (!directory_can_be_entered(dir->path, h))
		return directory_complain(dir->path, "the handler's user cannot enter it");
	return 0;
}

static int
make_for_engines(const struct conf *conf, struct runtime *rt, const struct tenant *tenants,
    size_t n)
{
	struct directory_owner	 owner;
	const char		*path;
	int			 fd, taken;

	wanted_owner(conf, NULL, &owner);
	if ((path = shared(&owner, NULL, tenants, n, &fd, &taken)) != NULL) {
		rt->store_directory = xstrdup(path);
		return 0;
	}
	fd = (taken ? directory_make_beside : directory_make)(base_fd, base_path,
	    ENGINE_DIRECTORY, &owner, &rt->store_directory);
	if (fd != -1)
		(void)close(fd);
	return fd == -1 ? -1 : 0;
}

static int
make_directories(const struct conf *conf, struct runtime *rt, const struct tenant *tenants, size_t n)
{
	size_t	 i;

	if (make_for_engines(conf, rt, tenants, n) == -1)
		return -1;
	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].spool && make_for_handler(conf, rt, i, tenants, n) == -1)
			return -1;
	return 0;
}

void
spooldir_remove(void)
{
	if (base_path == NULL)
		return;
	directory_retire_all(base_fd);
	directory_sweep(base_fd);
	(void)close(base_fd);
	base_fd = -1;
	if (rmdir(base_path) == -1)
		log_warn("removing %s", base_path);
	free(base_path);
	base_path = NULL;
}

/* Returns 0, or -1, logged. */
static int
make_base(int parent, const char *base, const char *name)
{
	if ((base_path = join(base, name)) == NULL)
		return -1;
	if ((base_fd = directory_make_parent(parent, name, base_path)) != -1)
		return 0;
	free(base_path);
	base_path = NULL;
	return -1;
}

int
spooldir_prepare(const struct conf *conf, struct runtime *rt, int parent, const char *base,
    const char *name)
{
	struct stat	 st;
	int		 needed = is_needed(conf), ret;

	if (!needed && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	if (make_base(parent, base, name) == -1)
		return needed ? -1 : 0;
	/* The daemon may have needed some when it ran last. */
	if (!needed) {
		spooldir_remove();
		return 0;
	}
	directory_retire_all(base_fd);
	ret = make_directories(conf, rt, NULL, 0);
	directory_sweep(base_fd);
	return ret;
}

int
spooldir_renew(const struct conf *conf, struct runtime *rt, int parent, const char *base,
    const char *name, const struct tenant *tenants, size_t n)
{
	if (!is_needed(conf))
		return 0;
	if (base_fd == -1 && make_base(parent, base, name) == -1)
		return -1;
	return make_directories(conf, rt, tenants, n);
}

static int
is_used(const char *path, const struct tenant *tenants, size_t n)
{
	const struct runtime	*rt;
	size_t			 i, j;

	for (i = 0; i < n; i++) {
		rt = tenants[i].runtime;
		if (rt->store_directory != NULL && strcmp(rt->store_directory, path) == 0)
			return 1;
		for (j = 0; j < rt->nhandlers; j++)
			if (rt->spool_dirs[j].path != NULL &&
			    strcmp(rt->spool_dirs[j].path, path) == 0)
				return 1;
	}
	return 0;
}

/* Returns 1 if that directory, which may be NULL, is to be swept. */
static int
retire_unused(const char *path, const struct tenant *tenants, size_t n)
{
	if (path == NULL || is_used(path, tenants, n))
		return 0;
	directory_retire(base_fd, path);
	return 1;
}

void
spooldir_release(const struct runtime *rt, const struct tenant *tenants, size_t n)
{
	size_t	 i;
	int	 retired;

	if (base_fd == -1)
		return;
	retired = retire_unused(rt->store_directory, tenants, n);
	for (i = 0; i < rt->nhandlers; i++)
		retired |= retire_unused(rt->spool_dirs[i].path, tenants, n);
	if (retired)
		directory_sweep_later(base_fd);
}

void
spooldir_forget(void)
{
	if (base_fd != -1)
		(void)close(base_fd);
	base_fd = -1;
}
