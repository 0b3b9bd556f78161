/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/report.c: what milter-send --torture has found.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#define LIBBSD_OPENBSD_VIS	/* the two strnvis(3) differ in their arguments */
#include <vis.h>

#include "torture/report.h"
#include "base/xmalloc.h"

#define MAX_SHOWN	120	/* bytes of a value */
#define MAX_ALIKE	3	/* lines that say the same about different events */

struct torture_finding {
	struct torture_finding	*next;
	char			*where, *what;
	const char		*cause;
};

void
torture_report_init(struct torture_report *r, FILE *to, int verbose)
{
	memset(r, 0, sizeof(*r));
	r->to = to;
	r->verbose = verbose;
}

void
torture_report_free(struct torture_report *r)
{
	struct torture_finding	*f;

	while ((f = r->findings) != NULL) {
		r->findings = f->next;
		free(f->where);
		free(f->what);
		free(f);
	}
}

/* 1 if enough was said of this; else notes it. */
static int
is_known(struct torture_report *r, const char *where, const char *what, const char *cause)
{
	struct torture_finding	*f;
	int			 alike = 0;

	for (f = r->findings; f != NULL; f = f->next) {
		if (strcmp(f->what, what) != 0 || f->cause != cause)
			continue;
		if (strcmp(f->where, where) == 0 || ++alike == MAX_ALIKE)
			return 1;
	}
	f = xcalloc(1, sizeof(*f));
	f->where = xstrdup(where);
	f->what = xstrdup(what);
	f->cause = cause;
	f->next = r->findings;
	r->findings = f;
	return 0;
}

static void
show(FILE *to, const char *shown, size_t len)
{
	char	 text[MAX_SHOWN * 4 + 1];
	size_t	 n = len < MAX_SHOWN ? len : MAX_SHOWN;

	(void)strvisx(text, shown, n, VIS_CSTYLE | VIS_NL | VIS_TAB);
	(void)fprintf(to, ": \"%s%s\"", text, len > n ? "..." : "");
}

void
torture_wrong(struct torture_report *r, const char *where, const char *what, const char *shown,
    size_t len, const char *cause)
{
	if (is_known(r, where, what, cause))
		return;
	r->wrong++;
	(void)fprintf(r->to, "%s: %s", where, what);
	if (shown != NULL)
		show(r->to, shown, len);
	(void)fprintf(r->to, "%s%s\n", cause == NULL ? "" : "; ", cause == NULL ? "" : cause);
	(void)fflush(r->to);
}

void
torture_remark(struct torture_report *r, const char *what)
{
	if (!is_known(r, "", what, NULL))
		(void)fprintf(r->to, "# %s\n", what);
}

void
torture_trying(struct torture_report *r, const char *fmt, ...)
{
	va_list	 ap;

	if (!r->verbose)
		return;
	(void)fputs("# ", r->to);
	va_start(ap, fmt);
	(void)vfprintf(r->to, fmt, ap);
	va_end(ap);
	(void)fputs("\n", r->to);
	(void)fflush(r->to);
}

void
torture_summary(const struct torture_report *r)
{
	(void)fprintf(r->to, "%zu things tried, %zu wrong\n", r->tried, r->wrong);
	(void)fflush(r->to);
}
