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

#include <stddef.h>

#include "store/board.h"
#include "config/conf.h"
#include "store/store.h"

enum spool_kind { SPOOL_MESSAGE, SPOOL_HEADERS, SPOOL_BODY, SPOOL_KINDS };

struct spool;

/* For this process: the engine's row of the board, and its number in names of files. */
void	 spool_setup(const struct conf *, struct board *, unsigned int engine);
/* Removes what an engine of this number has left, of all handlers. */
void	 spool_sweep(const struct conf *);

/* For one handler and the message of this id; the store is held until it is written. */
struct spool	*spool_new(const struct handler_conf *, struct store *, const char *id);
/* The path of a file, until the next call. */
const char	*spool_path(const struct spool *, enum spool_kind);
/*
 * Writes the files; once they are there it does nothing. Returns NULL, or, in a
 * few words that hold until the next call, why it can't be done: then no
 * file is there.
 */
const char	*spool_write(struct spool *);
/* Removes the files; NULL may be freed. */
void	 spool_free(struct spool *);

#endif
