/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/awake.h: the supervisor's clock, which stands still while the machine does.
 */
#ifndef PM_SUPERVISOR_AWAKE_H
#define PM_SUPERVISOR_AWAKE_H

#include <stdint.h>

/* ms on this clock. Deadlines of the supervisor's children are on it. */
uint64_t	 awake_ms(void);
/*
 * Called twice in each turn of the supervisor, before the timers are looked at and after it
 * has waited. planned: the ms that it meant to wait since the last call. What was far more is
 * taken out of the clock.
 */
void		 awake_turn(uint64_t planned);

#endif
