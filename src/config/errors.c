/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/errors.c: the mistakes of a configuration, and their places.
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

static void add(struct conf_errors *, int at, int warning, const char *fmt, va_list ap)
	    PRINTF_LIKE(4, 0);

static void
add(struct conf_errors *errs, int at, int warning, const char *fmt, va_list ap)
{
	struct conf_error	*e;
	char			 text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	errs->list = xreallocarray(errs->list, errs->n + 1, sizeof(*errs->list));
	e = &errs->list[errs->n];
	e->at = at;
	e->order = errs->n++;
	e->warning = warning;
	e->text = xstrdup(text);
	if (!warning)
		errs->nerrors++;
}

void
conf_error(struct conf_errors *errs, int at, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	add(errs, at, 0, fmt, ap);
	va_end(ap);
}

void
conf_warning(struct conf_errors *errs, int at, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	add(errs, at, 1, fmt, ap);
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

void
conf_source_free(struct conf_source *src)
{
	size_t	 i;

	for (i = 0; i < src->nfiles; i++) {
		free(src->files[i].path);
		/* The text may have NUL bytes in it. */
		explicit_bzero(src->files[i].text, src->files[i].len);
		free(src->files[i].text);
	}
	free(src->files);
	free(src->marks);
}

void
conf_where(const struct conf_source *src, int at, struct conf_where *w)
{
	const struct conf_mark	*mark = &src->marks[at - 1];
	const char		*byte, *p;

	w->file = &src->files[mark->file];
	byte = w->file->text + mark->offset;
	w->text = w->file->text;
	for (w->line = 1; (p = memchr(w->text, '\n', (size_t)(byte - w->text))) != NULL; w->line++)
		w->text = p + 1;
	w->column = (int)(byte - w->text) + 1;
	w->len = strcspn(w->text, "\r\n");
}

char *
conf_place(const struct conf_source *src, int at)
{
	const char		*label = NULL;
	struct conf_where	 w;
	char			*place;
	size_t			 i;
	int			 ret;

	if (at == 0)
		return xstrdup(src->files[0].path);
	conf_where(src, at, &w);
	if (w.file == src->files)
		for (i = 0; i < src->nlabels && src->labels[i].line <= w.line; i++)
			label = src->labels[i].text;
	if (label == NULL)
		ret = asprintf(&place, "%s:%d", w.file->path, w.line);
	else
		ret = asprintf(&place, "%s%s%s", w.file->path, label[0] == '\0' ? "" : ": ", label);
	if (ret == -1)
		fatal("asprintf");
	return place;
}

/* In the order of places, then as they were added. Those without a place come last. */
static int
compare(const void *a, const void *b)
{
	const struct conf_error	*x = a, *y = b;

	if (x->at != y->at)
		return y->at == 0 || (x->at != 0 && x->at < y->at) ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void
conf_errors_log(struct conf_errors *errs, const struct conf_source *src)
{
	struct conf_error	*e;
	char			*place;

	if (errs->n == 0)
		return;
	qsort(errs->list, errs->n, sizeof(*errs->list), compare);
	for (e = errs->list; e < errs->list + errs->n; e++) {
		place = conf_place(src, e->at);
		log_msg(e->warning ? LOG_WARNING : LOG_ERR, NULL, "%s: %s", place, e->text);
		free(place);
	}
}
