/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/table.h: a table as text. Cells are kept, since a column is as wide as its widest cell.
 */
#ifndef PM_CTL_TABLE_H
#define PM_CTL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compat.h"

#define TABLE_CELL	512		/* bytes of a cell */
#define TABLE_COLUMNS	13		/* at most */

struct table {
	const char	*const *heads;	/* "<name": to the left, else to the right */
	size_t		 columns;
	char		(*cells)[TABLE_CELL];
	size_t		 n;
};

/* Each adds a cell; rows follow from the number of columns. */
void	 table_add(struct table *, const char *, ...) PRINTF_LIKE(2, 3);
void	 table_visible(struct table *, const char *);
void	 table_number(struct table *, uint64_t);
/* Adds the table to the text, and frees its cells. */
void	 table_print(struct buf *, struct table *);
/* How many places a text takes, if each character of it takes one. */
int	 table_width(const char *);
/* Adds a time: "3d 4h 12m", "8m 12s": its largest units. */
void	 table_span(struct buf *, uint64_t seconds);

#endif
