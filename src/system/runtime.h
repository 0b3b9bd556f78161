/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/runtime.h: what the start adds to a configuration: directories that
 * were made for it, and their descriptors. startup/ fills it in; supervisor and
 * engines only read it.
 */
#ifndef PM_SYSTEM_RUNTIME_H
#define PM_SYSTEM_RUNTIME_H

#include <stddef.h>

#include "store/spool.h"

struct runtime {
	size_t			 nhandlers;
	char			**tmpdirs;	/* TMPDIR, by handler; NULL: not made */
	struct spool_dir	*spool_dirs;	/* one for each of conf->handlers */
	char			*store_directory;	/* for messages not in memory; NULL: none */
	int			 record_fd;	/* the directory conf->record, open; -1: none */
};

/* A configuration that engines live with, and what was made for it. */
struct tenant {
	const struct conf	*conf;
	const struct runtime	*runtime;
};

/* Makes one for a number of handlers, in which nothing was made yet. */
struct runtime	*runtime_new(size_t nhandlers);
/* Closes the descriptors. startup/tmpdir.h removes the directories. NULL is allowed. */
void		 runtime_free(struct runtime *);

#endif
