/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* ctl/ctl.h: the program pipemilterctl. */
#ifndef PM_CTL_CTL_H
#define PM_CTL_CTL_H

int	 ctl_main(int argc, char **argv);

#endif
