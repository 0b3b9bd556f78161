/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* send/stats.h: the figures that the load form of milter-send prints. */
#ifndef PM_SEND_STATS_H
#define PM_SEND_STATS_H

#include <stdio.h>

#include "send/run.h"

/* Prints the figures, as text or as JSON. Sorts the latencies. */
void	 send_stats_print(struct send_stats *, FILE *, int json);
/*
 * One result for many messages: delivered, tempfailed, rejected or discarded,
 * the first of these that any message had.
 */
enum mta_result send_stats_result(const struct send_stats *);

#endif
