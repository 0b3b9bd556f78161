/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/pin.c: CPU affinity.
 */
#include "base/compat.h"

#include <sched.h>

#include "system/pin.h"

int
pin_cpu(unsigned int engine)
{
	cpu_set_t	 set;
	unsigned int	 n;
	int		 cpu;

	if (sched_getaffinity(0, sizeof(set), &set) == -1 || CPU_COUNT(&set) == 0)
		return -1;
	n = engine % (unsigned int)CPU_COUNT(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &set) && n-- == 0)
			return cpu;
	return -1;
}

int
pin_to(int cpu)
{
	cpu_set_t	 set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}
