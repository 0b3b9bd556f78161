/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mono.h: the clock of all deadlines.
 */
#ifndef PM_MONO_H
#define PM_MONO_H

#include <stdint.h>

#define MONO_NEVER	UINT64_MAX	/* as a deadline */

/* Milliseconds on a clock that nobody sets. */
uint64_t	 mono_ms(void);

#endif
