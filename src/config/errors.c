/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "config/errors.h"
#include "base/log.h"
#include "base/xmalloc.h"

static void add(struct conf_errors *, int line, int warning, const char *fmt, va_list ap)
	    PRINTF_LIKE(4, 0);

static void
add(struct conf_errors *errs, int line, int warning, const char *fmt, va_list ap)
{
	struct conf_error	*e;
	char			 text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	errs->list = xreallocarray(errs->list, errs->n + 1, sizeof(*errs->list));
	e = &errs->list[errs->n];
	e->line = line;
	e->order = errs->n++;
	e->warning = warning;
	e->text = xstrdup(text);
	if (!warning)
		errs->nerrors++;
}

void
conf_error(struct conf_errors *errs, int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	add(errs, line, 0, fmt, ap);
	va_end(ap);
}

void
conf_warning(struct conf_errors *errs, int line, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	add(errs, line, 1, fmt, ap);
	va_end(ap);
}

void
conf_errors_clear(struct conf_errors *errs)
{
	size_t	 i;

	for (i = 0; i < errs->n; i++)
		free(errs->list[i].text);
	free(errs->list);
	memset(errs, 0, sizeof(*errs));
}

/* Those of the file as a whole come last. */
static int
compare(const void *a, const void *b)
{
	const struct conf_error	*x = a, *y = b;

	if (x->line != y->line) {
		if (x->line == 0 || y->line == 0)
			return x->line == 0 ? 1 : -1;
		return x->line < y->line ? -1 : 1;
	}
	return x->order < y->order ? -1 : 1;
}

void
conf_errors_log(struct conf_errors *errs, const struct conf_source *src)
{
	const struct conf_file	*f;
	struct conf_error	*e;
	size_t			 i;
	char			*place;
	int			 line, severity;

	if (errs->n == 0)
		return;
	qsort(errs->list, errs->n, sizeof(*errs->list), compare);
	for (i = 0; i < errs->n; i++) {
		e = &errs->list[i];
		severity = e->warning ? LOG_WARNING : LOG_ERR;
		if ((line = e->line) == 0) {
			log_msg(severity, NULL, "%s: %s", src->files[0].path, e->text);
			continue;
		}
		f = conf_source_where(src, &line);
		place = conf_source_place(src, f, line);
		log_msg(severity, NULL, "%s: %s", place, e->text);
		free(place);
	}
}
