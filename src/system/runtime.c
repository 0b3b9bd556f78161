/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/runtime.c: makes and frees a runtime.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/xmalloc.h"
#include "system/runtime.h"

struct runtime *
runtime_new(size_t nhandlers)
{
	struct runtime	*rt = xcalloc(1, sizeof(*rt));
	size_t		 i;

	rt->nhandlers = nhandlers;
	rt->tmpdirs = xcalloc(nhandlers, sizeof(*rt->tmpdirs));
	rt->spool_dirs = xcalloc(nhandlers, sizeof(*rt->spool_dirs));
	for (i = 0; i < nhandlers; i++)
		rt->spool_dirs[i].fd = -1;
	rt->record_fd = -1;
	return rt;
}

void
runtime_free(struct runtime *rt)
{
	size_t	 i;

	if (rt == NULL)
		return;
	for (i = 0; i < rt->nhandlers; i++) {
		free(rt->tmpdirs[i]);
		free(rt->spool_dirs[i].path);
		if (rt->spool_dirs[i].fd != -1)
			close(rt->spool_dirs[i].fd);
	}
	if (rt->record_fd != -1)
		close(rt->record_fd);
	free(rt->tmpdirs);
	free(rt->spool_dirs);
	free(rt->store_directory);
	free(rt);
}
