/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/tree.h: the text of the configuration as libConfuse takes it apart:
 * sections of options of values, all still text, each with its line.
 */
#ifndef PM_CONFIG_TREE_H
#define PM_CONFIG_TREE_H

#include <stddef.h>

#include "base/compat.h"
#include "config/source.h"

enum section_kind { SEC_GLOBAL, SEC_LISTEN, SEC_HANDLER, SEC_KINDS };

struct conf_value {
	char	*text;
	int	 line;
};

struct conf_stmt {
	char			*name;
	int			 line;		/* of the first value */
	struct conf_value	*values;
	size_t			 nvalues;
};

struct conf_section {
	enum section_kind	 kind;
	char			*title;		/* NULL: SEC_GLOBAL */
	int			 line;
	struct conf_stmt	*stmts;
	size_t			 nstmts;
};

/* All lines are those of the source's text. */
struct conf_tree {
	struct conf_section	 global;
	struct conf_section	*sections;	/* in the order of the file */
	size_t			 nsections;
};

struct conf_errors;

/*
 * The names of a kind's options, NULL-terminated. Unknown ones, options given
 * twice and what isn't of the form of the language become errors; 0, or -1 if
 * the end of the text was not reached. The tree is good so far in both cases.
 */
int	 conf_tree_parse(const struct conf_source *, const char *const *names[SEC_KINDS],
	    struct conf_tree *, struct conf_errors *);
void	 conf_tree_free(struct conf_tree *);

const struct conf_stmt *conf_tree_find(const struct conf_section *, const char *name);
const char	*conf_section_kind_name(enum section_kind);

#endif
