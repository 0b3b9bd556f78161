/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/store.h: a message as a sequence of bytes that only grows: in memory as long
 * as it is small, else in a file that has no name. All bytes count against
 * spool-limit. A store that could not take a byte stays broken: whoever adds
 * looks at store_error() once, at the end.
 */
#ifndef PM_STORE_STORE_H
#define PM_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "store/board.h"

/*
 * Bytes of one message that are kept in memory; and where all that this process
 * keeps there is plenty already.
 */
#define STORE_MEMORY	(1024 * 1024)
#define STORE_SCARCE	(64 * 1024)
#define STORE_PLENTY	(32 * 1024 * 1024)

struct store;

/*
 * For this process: the engine's row of the board, and the directory for files,
 * which lives as long as the process (NULL: there are none). Before, nothing is
 * counted, and what does not fit the memory is an error.
 */
void	 store_setup(struct board *, unsigned int engine, const char *directory);

/* It belongs to whoever made it and to all that hold it; NULL may be released. */
struct store *store_new(void);
struct store *store_hold(struct store *);
void	 store_release(struct store *);

void	 store_add(struct store *, const void *, size_t);
/* What is added from now on is the body. */
void	 store_begin_body(struct store *);
/* 1 once that was said. */
int	 store_in_body(const struct store *);
/* Where the body begins: behind the empty line. */
size_t	 store_body_at(const struct store *);
size_t	 store_len(const struct store *);
/* NULL if every byte is there; else what is wrong, in a few words. */
const char *store_error(const struct store *);
/*
 * All of it, to be read until something is added or it is released. NULL: it
 * is broken, which may turn out only here.
 */
const unsigned char *store_bytes(struct store *);

#endif
