/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/changes.h: what a reload has changed, as a line of the log. */
#ifndef PM_SUPERVISOR_CHANGES_H
#define PM_SUPERVISOR_CHANGES_H

#include "config/conf.h"

void	 changes_log(const struct conf *old, const struct conf *new);

#endif
