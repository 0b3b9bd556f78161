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

static int	 base_fd = -1;	/* the directory rt->spool_base */

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
static int
make_for_handler(const struct conf *conf, const struct runtime *rt, size_t i)
{
	const struct handler_conf	*h = &conf->handlers[i];
	struct spool_dir		*dir = &rt->spool_dirs[i];
	struct directory_owner		 owner = { conf->have_engine_ids, conf->engine_uid, h->gid,
	    conf->have_engine_ids ? 02750 : 0700 };

	if ((dir->fd = directory_make(base_fd, rt->spool_base, h->name, &owner, &dir->path)) == -1)
		return -1;
	if (!directory_can_be_entered(dir->path, h))
		return directory_complain(dir->path, "the handler's user cannot enter it");
	return 0;
}

static int
make_directories(const struct conf *conf, struct runtime *rt)
{
	struct directory_owner	 owner = { conf->have_engine_ids, conf->engine_uid,
	    conf->engine_gid, 0700 };
	size_t			 i;
	int			 fd;

	directory_retire_all(base_fd);
	if ((fd = directory_make(base_fd, rt->spool_base, ENGINE_DIRECTORY, &owner,
	    &rt->store_directory)) == -1)
		return -1;
	(void)close(fd);
	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].spool && make_for_handler(conf, rt, i) == -1)
			return -1;
	directory_sweep(base_fd);
	return 0;
}

void
spooldir_remove(struct runtime *rt)
{
	if (rt->spool_base == NULL)
		return;
	directory_retire_all(base_fd);
	directory_sweep(base_fd);
	(void)close(base_fd);
	base_fd = -1;
	if (rmdir(rt->spool_base) == -1)
		log_warn("removing %s", rt->spool_base);
	free(rt->spool_base);
	rt->spool_base = NULL;
}

int
spooldir_prepare(const struct conf *conf, struct runtime *rt, int parent, const char *base,
    const char *name)
{
	struct stat	 st;
	char		*path;

	if ((path = join(base, name)) == NULL)
		return -1;
	if ((!is_needed(conf) && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == -1) ||
	    (base_fd = directory_make_parent(parent, name, path)) == -1) {
		free(path);
		return is_needed(conf) ? -1 : 0;
	}
	rt->spool_base = path;
	if (is_needed(conf))
		return make_directories(conf, rt);
	/* The daemon may have needed some when it ran last. */
	spooldir_remove(rt);
	return 0;
}
