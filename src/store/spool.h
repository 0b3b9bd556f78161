/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/spool.h: a message in files that a handler reads: the whole, its
 * headers, its body. They are in the handler's directory, which
 * startup/spooldir.h makes. Their paths are known before they are written.
 */
#ifndef PM_STORE_SPOOL_H
#define PM_STORE_SPOOL_H

#include <limits.h>
#include <stddef.h>

#include "config/conf.h"
#include "store/board.h"
#include "store/store.h"

enum spool_kind { SPOOL_MESSAGE, SPOOL_HEADERS, SPOOL_BODY, SPOOL_KINDS };

struct spool;

/* The directory for the messages of one handler. */
struct spool_dir {
	char	*path;		/* NULL: the handler takes no files */
	int	 fd;		/* the same directory, open; -1: none */
};

#define SPOOL_PATH	(PATH_MAX + 128)	/* bytes of a buffer for a path */
#define SPOOL_WHY	160			/* bytes of a buffer for a cause */

/*
 * Sets this process up, before any other call. Takes the directories of
 * handlers, one for each of conf->handlers; the directory for spare files
 * (store/spool_file.h), or NULL; the board, and the row of the engine there; the number of
 * the engine, from 0, which no other engine has that lives. All must live as long as the
 * process.
 */
void	 spool_setup(const struct conf *, const struct spool_dir *, const char *spare_directory,
	    struct board *, unsigned int engine, unsigned int number);
/* Removes the files that an earlier engine of this number has left. */
void	 spool_sweep(void);

/*
 * Makes the files of a message for a handler of conf; id goes into their names.
 * It holds the store until they are written. The caller frees it.
 */
struct spool	*spool_new(const struct handler_conf *, struct store *, const char *id);
/*
 * Writes the path of a file, which may not be there yet, to buf of SPOOL_PATH
 * bytes; returns buf.
 */
const char	*spool_path(const struct spool *, enum spool_kind, char *buf);
/*
 * Writes the files; does nothing if they are there. Returns 0, or -1 with a
 * cause for the log in why, a buffer of SPOOL_WHY bytes; then no file is there.
 */
int		 spool_write(struct spool *, char *why);
/* Removes the files. NULL is allowed. */
void	 spool_free(struct spool *);

#endif
