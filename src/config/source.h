/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/source.h: a configuration and the files that it includes.
 */
#ifndef PM_CONFIG_SOURCE_H
#define PM_CONFIG_SOURCE_H

#include "base/compat.h"
#include "config/read.h"

/*
 * Both read to the end, with src (all zero, or with labels), tree, errors and is_option
 * of the reader set. 0; -1: the tree is good up to a mistake of the grammar, which is in
 * errors; -2: there is no text to make a tree of, and each reason was logged.
 */
int	 conf_source_load(struct conf_reader *, const char *path);
/* The same with a text, of that name; paths of included files start from base. */
int	 conf_source_text(struct conf_reader *, const char *text, const char *name,
	    const char *base);
void	 conf_source_free(struct conf_source *);

#endif
