/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
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

#include "startup/directory.h"
#include "base/log.h"
#include "state/negotiate.h"
#include "startup/spooldir.h"
#include "base/xmalloc.h"

/* No handler can be called so. */
#define ENGINE_DIRECTORY	".engine"

static int
is_needed(const struct conf *conf)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (handler_wants_message(&conf->handlers[i]))
			return 1;
	return 0;
}

/* BASE/NAME, malloc'd; NULL: it is too long, logged. */
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

/* Files made in it get its group: the engine's user need not be in that. */
static int
make_for_handler(const struct conf *conf, struct handler_conf *h)
{
	struct directory_owner	 owner = { conf->have_engine_ids, conf->engine_uid, h->gid,
	    conf->have_engine_ids ? 02750 : 0700 };

	if ((h->spool_path = join(conf->spool_base, h->name)) == NULL ||
	    directory_make(h->spool_path, &owner) == -1)
		return -1;
	h->spool_fd = open(h->spool_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (h->spool_fd == -1)
		return directory_complain(h->spool_path, strerror(errno));
	if (!directory_can_be_entered(h->spool_path, h))
		return directory_complain(h->spool_path, "the handler's user cannot enter it");
	return 0;
}

static int
make_directories(struct conf *conf)
{
	struct directory_owner	 owner = { conf->have_engine_ids, conf->engine_uid,
	    conf->engine_gid, 0700 };
	size_t			 i;

	directory_clear(conf->spool_base);
	if ((conf->store_directory = join(conf->spool_base, ENGINE_DIRECTORY)) == NULL ||
	    directory_make(conf->store_directory, &owner) == -1)
		return -1;
	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].spool &&
		    make_for_handler(conf, &conf->handlers[i]) == -1)
			return -1;
	return 0;
}

void
spooldir_remove(struct conf *conf)
{
	if (conf->spool_base == NULL)
		return;
	directory_clear(conf->spool_base);
	if (rmdir(conf->spool_base) == -1)
		log_warn("removing %s", conf->spool_base);
	free(conf->spool_base);
	conf->spool_base = NULL;
}

int
spooldir_prepare(struct conf *conf, const char *base, const char *name)
{
	struct stat	 st;
	char		*path;

	if ((path = join(base, name)) == NULL)
		return -1;
	if ((!is_needed(conf) && lstat(path, &st) == -1) || directory_make_parent(path) == -1) {
		free(path);
		return is_needed(conf) ? -1 : 0;
	}
	conf->spool_base = path;
	if (is_needed(conf))
		return make_directories(conf);
	/* There were some when it last ran. */
	spooldir_remove(conf);
	return 0;
}
