/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/pin.h: which CPU an engine and its handlers stay on.
 */
#ifndef PM_SYSTEM_PIN_H
#define PM_SYSTEM_PIN_H

/*
 * The CPU of an engine: of those that this process may use the one with that
 * number, counted round. -1 if that can't be known.
 */
int	 pin_cpu(unsigned int engine);
/*
 * The calling process uses this CPU only. Returns 0 or -1 with errno. May be
 * called after vfork(2).
 */
int	 pin_to(int cpu);

#endif
