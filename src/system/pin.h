/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/pin.h: keeps an engine and its handlers on one CPU.
 */
#ifndef PM_SYSTEM_PIN_H
#define PM_SYSTEM_PIN_H

/*
 * The CPU for an engine with this number, from 0: engines take turns on the
 * CPUs that this process may use. -1: unknown.
 */
int	 pin_cpu(unsigned int engine);
/*
 * Keeps the calling process on this CPU. Returns 0, or -1 with errno. May be
 * called after vfork(2).
 */
int	 pin_to(int cpu);

#endif
