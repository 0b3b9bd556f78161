/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/forms.h: the answer to `status' as text, JSON (json.c), and OpenMetrics
 * (openmetrics.c), and that to `processes' as the first two.
 */
#ifndef PM_CTL_FORMS_H
#define PM_CTL_FORMS_H

#include "base/buf.h"
#include "ctl/snapshot.h"

/* For people: may change at any time. */
void	 text_print(struct buf *, const struct snapshot *);
/* Adds a number of bytes: "12.0M". */
void	 text_bytes(struct buf *, uint64_t);
/* Adds the bound of the bucket below which so many hundredths of all times are: "250ms", or "-". */
void	 text_quantile(struct buf *, const struct numbers_times *, unsigned int percent);
/* Returns 0, or -1: this program was built without a library for JSON. */
int	 json_print(struct buf *, const struct snapshot *);
/* The same of the processes. */
void	 text_processes(struct buf *, const struct snapshot *);
int	 json_processes(struct buf *, const struct snapshot *);
/* The text format of OpenMetrics 1.0, of which Prometheus' older parsers take all too. */
void	 openmetrics_print(struct buf *, const struct snapshot *);

#endif
