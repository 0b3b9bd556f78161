/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/read.h: the configuration as a tree of text, with the syntax of
 * pipemilter.conf(5). The tree and its sections have options, and options have values.
 * Names may be unknown here, and stand there twice.
 */
#ifndef PM_CONFIG_READ_H
#define PM_CONFIG_READ_H

#include <stddef.h>

#include "config/errors.h"

/* The end of messages about a text that stands where none may stand. */
#define CONF_QUOTE	"a value with other than letters, digits and ._/:@[]- is quoted"

enum conf_kind { SEC_GLOBAL, SEC_LISTEN, SEC_HANDLER, CONF_OPTION, CONF_VALUE };
#define CONF_SECTIONS	CONF_OPTION	/* the number of kinds of sections */

struct conf_node {
	enum conf_kind		 kind;		/* SEC_GLOBAL: the configuration as a whole */
	char			*text;		/* a title, name or value */
	int			 at;		/* the place of text; of a section, of its brace */
	int			 sign;		/* '=', '+', or another token where a sign must be */
	int			 whole;		/* 0: the grammar was broken in this node */
	struct conf_node	*parts;		/* in the order of the text */
	size_t			 nparts;
};

/*
 * Reads the file at path and all that it includes. If text is not NULL, it is read instead,
 * and path is its name. Source and tree are empty (the source may have labels); the caller
 * frees both. Returns 0; -1 if the text broke the grammar, so the tree ends there; or -2 if
 * a file could not be read, or is not text of this language (it has, say, an open quote):
 * the tree is then of no use. Adds mistakes to errors, but leaves names, titles and missing
 * signs to config/names.c. Logs why the first file could not be read.
 */
int	 conf_read(struct conf_source *, struct conf_node *tree, struct conf_errors *,
	    const char *path, const char *text);
/* Returns SEC_GLOBAL if no kind of section has that name. */
enum conf_kind conf_section_kind(const char *name);
void	 conf_tree_free(struct conf_node *);

#endif
