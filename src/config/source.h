/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/source.h: the configuration as one text, made of a file and all that
 * it includes, and where each line of it came from.
 */
#ifndef PM_CONFIG_SOURCE_H
#define PM_CONFIG_SOURCE_H

#include <sys/stat.h>

#include <stddef.h>

#include "base/compat.h"
#include "config/conf.h"
#include "config/text.h"

struct conf_file {
	char		*path;
	struct stat	 st;		/* all zero: it was not a file */
};

struct conf_origin {
	size_t	 file;		/* index into files */
	int	 line;
};

struct conf_source {
	char			*text;		/* without comments; NUL-terminated */
	size_t			 len;
	struct conf_origin	*origins;	/* of line 1, 2, ... of text */
	size_t			 norigins;
	struct conf_file	*files;		/* [0] is the first one */
	size_t			 nfiles;
	int			*sections;	/* lines of text where each begins */
	size_t			 nsections;
	struct conf_text_empty	*empties;
	size_t			 nempties;
	struct conf_text_odd	 odd;
	const struct conf_label	*labels;	/* of the first file's lines, if it is none */
	size_t			 nlabels;
};

/* Both log each mistake and return NULL if there was one. */
struct conf_source *conf_source_load(const char *path);
/*
 * base: the directory that paths of included files start from. The labels must
 * stay as long as the source does.
 */
struct conf_source *conf_source_text(const char *text, const char *name, const char *base,
	    const struct conf_label *, size_t nlabels);
void	 conf_source_free(struct conf_source *);

/* Where a line of the text stands: the file and, through *line, its number there. */
const struct conf_file *conf_source_where(const struct conf_source *, int *line);
/* "PATH:LINE", malloc'd, for such a line; or the name and the line's label. */
char	*conf_source_place(const struct conf_source *, const struct conf_file *, int line);

#endif
