/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/runtime.h: what the start adds to a configuration: the directories that
 * were made for it, and descriptors of them. startup/ fills it in; supervisor and
 * engines only read it.
 */
#ifndef PM_SYSTEM_RUNTIME_H
#define PM_SYSTEM_RUNTIME_H

#include <stddef.h>

#include "store/spool.h"

struct runtime {
	size_t			 nhandlers;
	char			**tmpdirs;	/* one for each of conf->handlers; NULL: not made */
	struct spool_dir	*spool_dirs;	/* the same */
	char			*spool_base;	/* the directory above those; NULL: none is needed */
	char			*store_directory;	/* for store/store.h; NULL: none */
	int			 record_fd;	/* the directory conf->record; -1: none */
};

/* Nothing was made yet, for so many handlers. */
struct runtime	*runtime_new(size_t nhandlers);
/* Closes the descriptors. The directories stay: see startup/tmpdir.h. NULL is nothing. */
void		 runtime_free(struct runtime *);

#endif
