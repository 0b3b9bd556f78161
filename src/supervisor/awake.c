/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/awake.c: the supervisor's clock, which stands still while the machine does.
 *
 * A machine that stops for some seconds, as a virtual one may, stops the supervisor and its
 * children together. By the clock of the kernel their time may be over when all go on, before
 * any child could do what it had the time for.
 */
#include "base/compat.h"

#include "base/mono.h"
#include "supervisor/awake.h"

#define LATE_MS	2000	/* a turn may take that long */

static uint64_t	 lost, last;	/* ms; when awake_turn was called last, on this clock */

uint64_t
awake_ms(void)
{
	return mono_ms() - lost;
}

void
awake_turn(uint64_t planned)
{
	uint64_t	 now = awake_ms(), gap = now - last;

	if (last != 0 && gap > planned + LATE_MS) {
		lost += gap - planned;
		now -= gap - planned;
	}
	last = now;
}
