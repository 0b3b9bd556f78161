/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/store.h: a message as bytes that can only be appended to. A small one
 * is in memory, a large one in a file without a name. All bytes count against
 * spool-limit. A store that could not take a byte stays broken: who writes to
 * it looks at store_error() once, at the end.
 */
#ifndef PM_STORE_STORE_H
#define PM_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "store/board.h"

/*
 * Bytes of one message that are kept in memory (MEMORY); or only SCARCE, when
 * all stores of this process have PLENTY bytes in memory.
 */
#define STORE_MEMORY	(1024 * 1024)
#define STORE_SCARCE	(64 * 1024)
#define STORE_PLENTY	(32 * 1024 * 1024)

struct store;

/*
 * Sets this process up: the board, and the row of the engine there; the
 * directory for files, which is opened here, or NULL for none. The board must
 * live as long as the process. Without this call nothing is counted, and a
 * message that is too large for memory is an error.
 */
void	 store_setup(struct board *, unsigned int engine, const char *directory);
/* The descriptor of the directory for files; -1: there is none. */
int	 store_directory(void);

/*
 * A new store has one owner; store_hold() adds one, and returns the store. The
 * last store_release() frees it. NULL may be released.
 */
struct store *store_new(void);
struct store *store_hold(struct store *);
void	 store_release(struct store *);

void	 store_add(struct store *, const void *, size_t);
/* All bytes that are added from now on are the body. */
void	 store_begin_body(struct store *);
/* 1 after store_begin_body(). */
int	 store_in_body(const struct store *);
/* Where the body begins, in bytes: after the empty line. */
size_t	 store_body_at(const struct store *);
size_t	 store_len(const struct store *);
/*
 * NULL: every byte is there. Else what is wrong, a few words for the log; the
 * text lives as long as the store.
 */
const char *store_error(const struct store *);
/*
 * Returns all bytes, to be read until something is added or the store is
 * released. NULL: the store is broken, which may show only now.
 */
const unsigned char *store_bytes(struct store *);

#endif
