/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* torture/report.h: what milter-send --torture has found, in one line each. */
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

/* to: the stream for all lines; verbose: torture_trying() prints. */
void	 torture_report_init(struct torture_report *, FILE *, int verbose);
void	 torture_report_free(struct torture_report *);
/*
 * Tells of something wrong: where ("rcpt"), what, the bytes that show it (shown
 * may be NULL), and the likely cause or NULL. If only the place differs, a few
 * are told and the rest is not.
 */
void	 torture_wrong(struct torture_report *, const char *where, const char *what,
	    const char *shown, size_t len, const char *cause);
/* Tells of something that is not wrong but worth knowing, once for each text. */
void	 torture_remark(struct torture_report *, const char *what);
/* If verbose: tells what is tried next. */
void	 torture_trying(struct torture_report *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints the last line: how many things were tried and are wrong. */
void	 torture_summary(const struct torture_report *);

#endif
