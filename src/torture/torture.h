/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture.h: milter-send --torture: a handler is given hostile but legal
 * mail at awkward times, and what it gets wrong is told in plain words.
 */
#ifndef PM_TORTURE_TORTURE_H
#define PM_TORTURE_TORTURE_H

#include <signal.h>

#include "send/child.h"

struct torture_options {
	const struct send_child_args	*args;
	int				 verbose;
	int				 stateful;	/* its answers may change */
	const sigset_t			*wait_mask;
	const volatile sig_atomic_t	*stop;
};

/* Returns 0: nothing is wrong; 1: something is; 2: usage; 70: it could not be run. */
int	 torture_run(const struct torture_options *);

#endif
