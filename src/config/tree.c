/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/tree.c: the configuration as it is written: what is found in it.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "config/tree.h"
#include "base/xmalloc.h"

const char *
conf_tree_kind(enum section_kind kind)
{
	static const char *const	 names[SEC_KINDS] = { "global", "listen", "handler" };

	return names[kind];
}

struct conf_stmt *
conf_tree_find(const struct conf_section *sec, const char *name)
{
	size_t	 i;

	for (i = sec->nstmts; i > 0; i--)
		if (strcmp(sec->stmts[i - 1].name, name) == 0)
			return &sec->stmts[i - 1];
	return NULL;
}

void
conf_tree_free_section(struct conf_section *sec)
{
	size_t	 i, j;

	for (i = 0; i < sec->nstmts; i++) {
		for (j = 0; j < sec->stmts[i].nvalues; j++)
			xfree_secret(sec->stmts[i].values[j].text);
		free(sec->stmts[i].values);
		free(sec->stmts[i].name);
	}
	free(sec->stmts);
	free(sec->title);
	memset(sec, 0, sizeof(*sec));
}

void
conf_tree_free(struct conf_tree *tree)
{
	size_t	 i;

	for (i = 0; i < tree->nsections; i++)
		conf_tree_free_section(&tree->sections[i]);
	free(tree->sections);
	conf_tree_free_section(&tree->global);
	memset(tree, 0, sizeof(*tree));
}
