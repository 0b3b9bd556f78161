/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/cases.h: what is tried over the pipes of the handler, one thing after
 * the other.
 */
#ifndef PM_TORTURE_CASES_H
#define PM_TORTURE_CASES_H

#include "torture/parts.h"

void	 torture_cases(struct torture *);

#endif
