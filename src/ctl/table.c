/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/table.c: a table as text.
 */
#include "base/compat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/table.h"
#include "ctl/visible.h"

void
table_add(struct table *t, const char *fmt, ...)
{
	va_list	 ap;

	t->cells = reallocarray(t->cells, t->n + 1, sizeof(*t->cells));
	if (t->cells == NULL)
		abort();
	va_start(ap, fmt);
	(void)vsnprintf(t->cells[t->n++], TABLE_CELL, fmt, ap);
	va_end(ap);
}

void
table_visible(struct table *t, const char *s)
{
	struct buf	 b;

	buf_init(&b, 65536 * 4);
	visible_add(&b, s);
	table_add(t, "%.*s", (int)b.len, b.len > 0 ? (char *)b.data : "");
	buf_free(&b);
}

void
table_number(struct table *t, uint64_t n)
{
	table_add(t, "%" PRIu64, n);
}

int
table_width(const char *s)
{
	int	 n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static int
width(const struct table *t, size_t column)
{
	int	 most = table_width(t->heads[column]) - (t->heads[column][0] == '<'), w;
	size_t	 i;

	for (i = column; i < t->n; i += t->columns)
		if ((w = table_width(t->cells[i])) > most)
			most = w;
	return most;
}

static void
print_cell(struct buf *b, const char *text, int wide, int left, int last)
{
	int	 spaces = wide - table_width(text);

	if (left)
		buf_printf(b, "%s%*s", text, last ? 0 : spaces, "");
	else
		buf_printf(b, "%*s%s", spaces, "", text);
	if (!last) {
		buf_add_str(b, "  ");
		return;
	}
	while (b->len > 0 && b->data[b->len - 1] == ' ')
		b->len--;
	buf_add_str(b, "\n");
}

void
table_print(struct buf *b, struct table *t)
{
	int	 wide[TABLE_COLUMNS];
	size_t	 i;

	for (i = 0; i < t->columns; i++)
		wide[i] = width(t, i);
	for (i = 0; i < t->columns; i++)
		print_cell(b, t->heads[i] + (t->heads[i][0] == '<'), wide[i],
		    t->heads[i][0] == '<', i + 1 == t->columns);
	for (i = 0; i < t->n; i++)
		print_cell(b, t->cells[i], wide[i % t->columns],
		    t->heads[i % t->columns][0] == '<', (i + 1) % t->columns == 0);
	free(t->cells);
}

void
table_span(struct buf *b, uint64_t s)
{
	if (s >= 86400)
		buf_printf(b, "%" PRIu64 "d ", s / 86400);
	if (s >= 3600)
		buf_printf(b, "%" PRIu64 "h ", s / 3600 % 24);
	if (s >= 60)
		buf_printf(b, "%" PRIu64 "m", s / 60 % 60);
	if (s < 3600)
		buf_printf(b, "%s%" PRIu64 "s", s >= 60 ? " " : "", s % 60);
}

