/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/errors.h: the mistakes of a configuration, kept so that they can be told in
 * the order of the text, and where in its files each of them stands.
 */
#ifndef PM_CONFIG_ERRORS_H
#define PM_CONFIG_ERRORS_H

#include <sys/stat.h>

#include <stddef.h>

#include "base/compat.h"
#include "config/conf.h"

struct conf_file {
	char		*path;
	struct stat	 st;		/* all zero: it was not a file */
	char		*text;		/* with a NUL after it */
	size_t		 len;
};

/* A stretch of one file: an include ends it, and another begins after that. */
struct conf_piece {
	int		 at;		/* place of its first byte, see config/tree.h */
	size_t		 file;		/* index into files */
	size_t		 offset;	/* of that byte in the file */
};

struct conf_source {
	struct conf_file	*files;		/* [0] is the first one */
	size_t			 nfiles;
	struct conf_piece	*pieces;	/* in the order of places */
	size_t			 npieces;
	const struct conf_label	*labels;	/* of the lines of files[0], if it is no file */
	size_t			 nlabels;
};

/* The text of a line, which has no NUL after it; line and column count from 1. */
struct conf_where {
	const struct conf_file	*file;
	int			 line, column;	/* the column in bytes */
	const char		*text;
	size_t			 len;
};

void	 conf_where(const struct conf_source *, int at, struct conf_where *);
/* "PATH:LINE", malloc'd; or the name and the line's label; for place 0 the path alone. */
char	*conf_place(const struct conf_source *, int at);

struct conf_error {
	int	 at;
	int	 line_at;	/* place where that line begins */
	size_t	 order;
	int	 warning;
	char	*text;
};

struct conf_errors {
	struct conf_error	*list;
	size_t			 n;
	size_t			 nerrors;	/* those that are not warnings */
};

/* at: place of what is wrong; 0: the configuration as a whole. */
void	 conf_error(struct conf_errors *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_warning(struct conf_errors *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_errors_clear(struct conf_errors *);
/* Logs them as "PATH:LINE: TEXT". */
void	 conf_errors_log(struct conf_errors *, const struct conf_source *);

#endif
