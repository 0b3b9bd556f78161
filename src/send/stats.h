/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_stats.h: what the load form of milter-send prints.
 */
#ifndef PM_MS_STATS_H
#define PM_MS_STATS_H

#include <stdio.h>

#include "send/run.h"

/* Sorts the latencies. */
void	 ms_stats_print(struct ms_stats *, FILE *, int json);
/*
 * The one result of many: delivered if one was, else tempfailed, rejected or
 * discarded, the first of these that there was.
 */
enum ms_result ms_stats_result(const struct ms_stats *);

#endif
