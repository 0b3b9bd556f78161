/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_torture_parts.h: what is tried over the pipes of the handler, one thing
 * after another.
 */
#ifndef PM_MS_TORTURE_PARTS_H
#define PM_MS_TORTURE_PARTS_H

#include "torture/parts.h"

void	 torture_parts(struct torture *);

#endif
