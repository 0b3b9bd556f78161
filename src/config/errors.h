/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/errors.h: the mistakes of a configuration, kept so that they can be
 * told in the order of the file.
 */
#ifndef PM_CONFIG_ERRORS_H
#define PM_CONFIG_ERRORS_H

#include <stddef.h>

#include "base/compat.h"
#include "config/source.h"

struct conf_error {
	int	 line;		/* of the source's text; 0: of the file as a whole */
	size_t	 order;
	int	 warning;
	char	*text;
};

struct conf_errors {
	struct conf_error	*list;
	size_t			 n;
	size_t			 nerrors;	/* those that are not warnings */
};

void	 conf_error(struct conf_errors *, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_warning(struct conf_errors *, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	 conf_errors_clear(struct conf_errors *);
/* Logs them as "PATH:LINE: TEXT". */
void	 conf_errors_log(struct conf_errors *, const struct conf_source *);

#endif
