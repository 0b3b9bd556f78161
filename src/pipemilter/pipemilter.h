/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* pipemilter/pipemilter.h: the daemon as a function, which milter-send runs too. */
#ifndef PM_PIPEMILTER_PIPEMILTER_H
#define PM_PIPEMILTER_PIPEMILTER_H

/* The whole program. Returns its exit status. */
int	 pipemilter_main(int argc, char **argv);

#endif
