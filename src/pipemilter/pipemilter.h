/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/pipemilter.h: the daemon as a function, so that milter-send can run it too.
 */
#ifndef PM_PIPEMILTER_PIPEMILTER_H
#define PM_PIPEMILTER_PIPEMILTER_H

/* The program: options, then the role. Returns its exit status. */
int	 pipemilter_main(int argc, char **argv);

#endif
