/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/errors.h: the mistakes of a configuration, which are kept and then told in the
 * order of the text; and the place of each in the files.
 */
#ifndef PM_CONFIG_ERRORS_H
#define PM_CONFIG_ERRORS_H

#include <sys/stat.h>

#include <stddef.h>

#include "base/compat.h"
#include "config/conf.h"

struct conf_file {
	char		*path;
	struct stat	 st;		/* all zero: the text is from no file */
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
	const struct conf_label	*labels;	/* for the lines of files[0] */
	size_t			 nlabels;
};

/*
 * A place for people, and the text of its line. The text has no NUL after it. Line and
 * column count from 1.
 */
struct conf_where {
	const struct conf_file	*file;
	int			 line, column;	/* the column counts bytes */
	const char		*text;
	size_t			 len;
};

void	 conf_source_free(struct conf_source *);
void	 conf_where(const struct conf_source *, int at, struct conf_where *);
/*
 * Returns "PATH:LINE", or the path and the label of the line, or for place 0 the path;
 * malloc'd.
 */
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

#define CONF_ERRORS_MAX	32	/* after so many, the rest is not checked */

/* at: the place of the mistake, or 0. */
void	 conf_error(struct conf_errors *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_warning(struct conf_errors *, int at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_errors_clear(struct conf_errors *);
/* Logs them as "PATH:LINE: TEXT". */
void	 conf_errors_log(struct conf_errors *, const struct conf_source *);

#endif
