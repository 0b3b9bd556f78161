/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/torture.h: milter-send --torture gives a handler hostile but legal
 * mail at awkward times, and tells in plain words what it gets wrong.
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

/*
 * Returns the exit status. 0: nothing is wrong; 1: something is; 2: usage; 70:
 * the handler could not be tried.
 */
int	 torture_run(const struct torture_options *);

#endif
