/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * adhoc.h: a command line that says all that a configuration file would, as
 * the text of such a file.
 */
#ifndef PM_ADHOC_H
#define PM_ADHOC_H

#include "buf.h"

#define ADHOC_MAX	(1024 * 1024)	/* bytes of text */

struct adhoc {
	struct buf	 listens;	/* listen sections */
	struct buf	 events;	/* what -e named, as a list's inside */
	struct buf	 globals;	/* -o that are not the handler's */
	struct buf	 options;	/* -o that are */
};

void	 adhoc_init(struct adhoc *);
void	 adhoc_free(struct adhoc *);
/* -l: an address, or an address and { options }. */
void	 adhoc_listen(struct adhoc *, const char *);
/* -e: names with commas between. */
void	 adhoc_events(struct adhoc *, const char *);
/* -o: one option as it would stand in the file. Returns 0, or -1: unknown. */
int	 adhoc_option(struct adhoc *, const char *);
/*
 * The text: argv is a command with its arguments, or a folder of hooks alone.
 * It holds whatever bytes the arguments have; free(3) it. NULL: too long.
 */
char	*adhoc_text(const struct adhoc *, char *const *argv);

#endif
