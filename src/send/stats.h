/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_stats.h: what the load form of milter-send prints.
 */
#ifndef PM_SEND_STATS_H
#define PM_SEND_STATS_H

#include <stdio.h>

#include "send/run.h"

/* Sorts the latencies. */
void	 send_stats_print(struct send_stats *, FILE *, int json);
/*
 * The one result of many: delivered if one was, else tempfailed, rejected or
 * discarded, the first of these that there was.
 */
enum mta_result send_stats_result(const struct send_stats *);

#endif
