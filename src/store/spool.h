/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/spool.h: a message in files that a handler reads: all of it, its headers,
 * its body. They are in the handler's directory, which the supervisor has made,
 * and their names are known before they are there.
 */
#ifndef PM_STORE_SPOOL_H
#define PM_STORE_SPOOL_H

#include <limits.h>
#include <stddef.h>

#include "store/board.h"
#include "config/conf.h"
#include "store/store.h"

enum spool_kind { SPOOL_MESSAGE, SPOOL_HEADERS, SPOOL_BODY, SPOOL_KINDS };

struct spool;

/* The directory for the messages of one handler. */
struct spool_dir {
	char	*path;		/* NULL: the handler takes no files */
	int	 fd;		/* the same, open; -1: none */
};

#define SPOOL_PATH	(PATH_MAX + 128)	/* bytes for a path */
#define SPOOL_WHY	160			/* bytes for a cause */

/*
 * For this process, before any other call: the directories of the handlers, one
 * for each of conf->handlers; that for spare files (store/spool_file.h), or NULL;
 * the board, and the engine's number, from 0. All must live as long as the process.
 */
void	 spool_setup(const struct conf *, const struct spool_dir *, const char *spare_directory,
	    struct board *, unsigned int engine);
/* Removes the files that an earlier engine of this number has left. */
void	 spool_sweep(void);

/* For one handler and the message of this id; the store is held until it is written. */
struct spool	*spool_new(const struct handler_conf *, struct store *, const char *id);
/* The path of a file, which need not be there yet, in buf of SPOOL_PATH bytes: it. */
const char	*spool_path(const struct spool *, enum spool_kind, char *buf);
/*
 * Writes the files; once they are there it does nothing. Returns 0, or -1 with
 * the cause, a few words for the log, in why of SPOOL_WHY bytes; then no file is
 * there.
 */
int		 spool_write(struct spool *, char *why);
/* Removes the files; NULL may be freed. */
void	 spool_free(struct spool *);

#endif
