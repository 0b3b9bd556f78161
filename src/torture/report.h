/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture_report.h: what milter-send --torture has found, a line each.
 */
#ifndef PM_TORTURE_REPORT_H
#define PM_TORTURE_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "base/compat.h"

struct torture_finding;

struct torture_report {
	FILE			*to;
	int			 verbose;
	size_t			 tried, wrong;
	struct torture_finding	*findings;
};

void	 torture_report_init(struct torture_report *, FILE *, int verbose);
void	 torture_report_free(struct torture_report *);
/*
 * Something is wrong: where it was seen ("rcpt"), what it is, the bytes that
 * show it (shown may be NULL), and the likely cause or NULL. Of the same kind
 * of thing a few are told and the rest is not: what is compared, not where.
 */
void	 torture_wrong(struct torture_report *, const char *where, const char *what,
	    const char *shown, size_t len, const char *cause);
/* Worth to be known, but not wrong. Once for each text. */
void	 torture_remark(struct torture_report *, const char *what);
/* With verbose: what is being tried. */
void	 torture_trying(struct torture_report *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void	 torture_summary(const struct torture_report *);

#endif
