/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/lines.c: the lines of a transcript, and the values in them.
 */
#include "base/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "transcript/parts.h"
#include "base/xmalloc.h"

int
lines_bad(struct parser *ps, const char *why)
{
	if (ps->why == NULL)
		ps->why = why;
	return -1;
}

void *
lines_grow(void *array, size_t n, size_t size)
{
	return (n & (n - 1)) != 0 ? array : xreallocarray(array, n == 0 ? 1 : 2 * n, size);
}

/* Returns the next line, NUL-terminated; NULL at the end or after an error. */
static char *
any_line(struct parser *ps)
{
	char	*line = ps->p, *nl;

	if (ps->p == ps->end)
		return NULL;
	ps->line++;
	if ((nl = memchr(line, '\n', (size_t)(ps->end - line))) == NULL) {
		(void)lines_bad(ps, "the file ends within a line");
		return NULL;
	}
	if (memchr(line, '\0', (size_t)(nl - line)) != NULL) {
		(void)lines_bad(ps, "a NUL in a line");
		return NULL;
	}
	*nl = '\0';
	ps->p = nl + 1;
	return line;
}

void
lines_skip_remarks(struct parser *ps)
{
	while (ps->why == NULL && ps->p < ps->end && *ps->p == '#')
		(void)any_line(ps);
}

char *
lines_next(struct parser *ps)
{
	lines_skip_remarks(ps);
	return ps->why == NULL ? any_line(ps) : NULL;
}

const unsigned char *
lines_payload(struct parser *ps, size_t n)
{
	char	*data = ps->p, *p;

	if (n >= (size_t)(ps->end - data) || data[n] != '\n') {
		(void)lines_bad(ps, n >= (size_t)(ps->end - data) ?
		    "the file ends within the bytes that follow" :
		    "no line feed where the bytes that follow should end");
		return NULL;
	}
	ps->p = data + n + 1;
	for (p = data; p < ps->p; p++)
		ps->line += *p == '\n';
	return (const unsigned char *)data;
}

char *
lines_cut_word(char *text)
{
	char	*blank = strchr(text, ' ');

	if (blank == NULL)
		return NULL;
	*blank = '\0';
	return blank + 1;
}

const char *
lines_unescape(struct parser *ps, char *value)
{
	const char	*why;

	if (escape_undo(value, strlen(value), &why) == (size_t)-1)
		(void)lines_bad(ps, why);
	return value;
}

uint32_t
lines_number(struct parser *ps, const char *text, uint32_t max)
{
	unsigned long	 n;
	char		*end;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n > max) {
		(void)lines_bad(ps, "not a number, or one that is too large");
		return 0;
	}
	return (uint32_t)n;
}
