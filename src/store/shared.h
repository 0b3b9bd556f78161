/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/shared.h: memory that an engine writes and the supervisor, and other engines if they
 * have to, read.
 */
#ifndef PM_STORE_SHARED_H
#define PM_STORE_SHARED_H

#include <stddef.h>

/*
 * Maps size bytes, all 0, twice: to be written, which is returned, and to be read, which is
 * *all. A process that unmaps the former can never get it again. Pages take memory once they
 * are used. Ends the program if there is no memory.
 */
void	*shared_map(size_t size, const void **all);

#endif
