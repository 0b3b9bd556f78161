/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/mono.h: the clock of all deadlines.
 */
#ifndef PM_BASE_MONO_H
#define PM_BASE_MONO_H

#include <stdint.h>

#define MONO_NEVER	UINT64_MAX	/* as a deadline */

/* Milliseconds on a clock that nobody sets (CLOCK_MONOTONIC). */
uint64_t	 mono_ms(void);
/* The same clock in microseconds. */
uint64_t	 mono_us(void);

#endif
