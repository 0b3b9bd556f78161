/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/memory.h: how much memory this process may allocate. Without memory_limit()
 * there is no bound, and running out of memory ends the process.
 */
#ifndef PM_BASE_MEMORY_H
#define PM_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"

/*
 * From now on the process may allocate so many bytes, or what RLIMIT_AS and RLIMIT_DATA
 * leave it, if that is less. Logs a line if these limits leave less, and one if the
 * system does not tell how much is allocated: then only a failed allocation counts.
 */
void	 memory_limit(uint64_t bytes);
/*
 * Bytes came from a peer or a handler, or a buffer took them. Their sum decides when
 * the process looks again at how much it has allocated.
 */
void	 memory_took(size_t bytes);
/* 1 if seven eighths of the bound are allocated: peers and handlers are to bring no more. */
int	 memory_is_short(void);
/* Much was freed: the next call looks again at how much is allocated. */
void	 memory_freed(void);
/* 1 if n more bytes stay within the bound. */
int	 memory_has_room(size_t n);
/*
 * As realloc(3), from old to new bytes, old less than new. NULL: the bound, or the system, does not
 * allow it, and the old memory is as it was. Without memory_limit() it never is NULL.
 */
void	*memory_grow(void *, size_t old, size_t new);
/*
 * Frees the memory that is kept for small allocations which can't fail. Returns 0 if it
 * was free already: then there is no more.
 */
int	 memory_use_reserve(void);

#endif
