/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/log_limit.c: log lines that are limited in number, and the count of those
 * that were left out.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/mono.h"
#include "base/xmalloc.h"

/* The lines of one kind about one thing. */
struct limit {
	const char		*about;		/* compared as a pointer */
	const char		*kind;
	unsigned int		 most;		/* lines in a span, */
	uint64_t		 span;		/* ms, which lasts so long */
	uint64_t		 since;		/* ms: the first line of this span */
	unsigned int		 lines;		/* written in this span */
	unsigned int		 left_out;
	TAILQ_ENTRY(limit)	 entry;
};

/* The configuration bounds the length of the list: handlers and listeners times kinds. */
static TAILQ_HEAD(, limit)	 limits = TAILQ_HEAD_INITIALIZER(limits);

static unsigned int		 counted;	/* limits with lines that were left out */

static struct limit *
limit_of(const char *about, const char *kind, unsigned int most, uint64_t span)
{
	struct limit	*l;

	TAILQ_FOREACH(l, &limits, entry)
		if (l->about == about && strcmp(l->kind, kind) == 0)
			return l;
	l = xcalloc(1, sizeof(*l));
	l->about = about;
	l->kind = kind;
	l->most = most;
	l->span = span;
	TAILQ_INSERT_HEAD(&limits, l, entry);
	return l;
}

static void
begin_span(struct limit *l, uint64_t now)
{
	unsigned int	 n = l->left_out;

	l->since = now;
	l->lines = l->left_out = 0;
	if (n == 0)
		return;
	counted--;
	log_warnx("%u more lines about %s %s were left out", n, l->kind, l->about);
}

/* 1 if one more line may be written now, which then counts. */
static int
may_write(struct limit *l)
{
	uint64_t	 now = mono_ms();

	if (l->lines == 0 || now - l->since >= l->span)
		begin_span(l, now);
	if (l->lines == l->most) {
		counted += l->left_out++ == 0;
		return 0;
	}
	l->lines++;
	return 1;
}

void
log_limited(const char *about, const char *kind, int severity, const char *ids,
    const char *fmt, ...)
{
	va_list	 ap;

	if (!log_enabled(severity) ||
	    !may_write(limit_of(about, kind, LOG_LIMIT_LINES, LOG_LIMIT_SPAN)))
		return;
	va_start(ap, fmt);
	log_vmsg(severity, ids, fmt, ap);
	va_end(ap);
}

void
log_seldom(const char *about, const char *kind, int severity, const char *ids,
    const char *fmt, ...)
{
	va_list	 ap;

	if (!log_enabled(severity) || !may_write(limit_of(about, kind, 1, LOG_LIMIT_SELDOM_SPAN)))
		return;
	va_start(ap, fmt);
	log_vmsg(severity, ids, fmt, ap);
	va_end(ap);
}

void
log_bug(const char *ids, const char *fmt, ...)
{
	static const char	 about[] = "pipemilter", kind[] = "faults of";
	char			 text[512];
	va_list			 ap;

	if (!log_enabled(LOG_ERR) ||
	    !may_write(limit_of(about, kind, LOG_LIMIT_LINES, LOG_LIMIT_SPAN)))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_msg(LOG_ERR, ids, "BUG: %s", text);
}

int
log_limit_counts(void)
{
	return counted > 0;
}

uint64_t
log_limit_tell(uint64_t now)
{
	struct limit	*l;
	uint64_t	 next = MONO_NEVER;

	TAILQ_FOREACH(l, &limits, entry) {
		if (l->left_out == 0)
			continue;
		if (now - l->since >= l->span)
			begin_span(l, now);
		else if (l->since + l->span < next)
			next = l->since + l->span;
	}
	return next;
}
