/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/tree.h: the configuration as it is written: sections of options of values,
 * all still text, each with its place. A place is a number: 1 and how many bytes were
 * read before that byte, those of included files among them. conf_where() of
 * config/errors.h makes a file, line and column of it. 0 is the configuration as a whole.
 */
#ifndef PM_CONFIG_TREE_H
#define PM_CONFIG_TREE_H

#include <stddef.h>

#include "base/compat.h"

enum section_kind { SEC_GLOBAL, SEC_LISTEN, SEC_HANDLER, SEC_KINDS };

struct conf_value {
	char	*text;
	int	 at;
};

struct conf_stmt {
	char			*name;
	int			 at;		/* of the first value */
	struct conf_value	*values;
	size_t			 nvalues;
};

struct conf_section {
	enum section_kind	 kind;
	char			*title;		/* NULL: SEC_GLOBAL */
	int			 at;		/* of its brace */
	struct conf_stmt	*stmts;
	size_t			 nstmts;
};

struct conf_tree {
	struct conf_section	 global;
	struct conf_section	*sections;	/* in the order of the text */
	size_t			 nsections;
};

/* The last statement of that name, or NULL. */
struct conf_stmt *conf_tree_find(const struct conf_section *, const char *name);
/* "global", "listen", "handler" */
const char	*conf_tree_kind(enum section_kind);
void		 conf_tree_free_section(struct conf_section *);
void		 conf_tree_free(struct conf_tree *);

#endif
