/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "log.h"
#include "negotiate.h"
#include "spooldir.h"
#include "xmalloc.h"

/* No handler can be called so. */
#define ENGINE_FOLDER	".engine"

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
	(void)folder_complain(base, strerror(ENAMETOOLONG));
	return NULL;
}

int
spooldir_prepare(struct conf *conf, const char *base, const char *name)
{
	struct folder_owner	 owner = { conf->have_engine_ids, conf->engine_uid,
	    conf->engine_gid, 0700 };

	if (!is_needed(conf))
		return 0;
	if ((conf->spool_base = join(base, name)) == NULL ||
	    folder_make_parent(conf->spool_base) == -1 ||
	    (conf->store_folder = join(conf->spool_base, ENGINE_FOLDER)) == NULL)
		return -1;
	return folder_make(conf->store_folder, &owner);
}

void
spooldir_remove(const struct conf *conf)
{
	if (conf->spool_base == NULL)
		return;
	if (conf->store_folder != NULL)
		folder_remove(conf->store_folder);
	if (rmdir(conf->spool_base) == -1)
		log_warn("removing %s", conf->spool_base);
}
