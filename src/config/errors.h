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

/*
 * A place is the number of a mark. A token or a mistake begins at each mark. The reader
 * numbers marks from 1 as it reads the text, with what the text includes, so a place is
 * greater than all places before it. Place 0 is the configuration as a whole.
 */
struct conf_mark {
	size_t		 file;		/* index into files */
	size_t		 offset;	/* of the byte in the file */
};

struct conf_source {
	struct conf_file	*files;		/* [0] is the first one */
	size_t			 nfiles;
	size_t			 size;		/* bytes in all of them */
	struct conf_mark	*marks;		/* [0] has place 1 */
	size_t			 nmarks;
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

void	 conf_source_free(struct conf_source *);
void	 conf_where(const struct conf_source *, int at, struct conf_where *);
/* "PATH:LINE", malloc'd; or the name and the line's label; for place 0 the path alone. */
char	*conf_place(const struct conf_source *, int at);

struct conf_error {
	int	 at;
	size_t	 order;
	int	 warning;
	char	*text;
};

struct conf_errors {
	struct conf_error	*list;
	size_t			 n;
	size_t			 nerrors;	/* those that are not warnings */
};

#define CONF_ERRORS_MAX	32	/* after so many, no more of the configuration is looked at */

/* at: place of what is wrong; 0: the configuration as a whole. */
void	 conf_error(struct conf_errors *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_warning(struct conf_errors *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_errors_clear(struct conf_errors *);
/* Logs them as "PATH:LINE: TEXT". */
void	 conf_errors_log(struct conf_errors *, const struct conf_source *);

#endif
