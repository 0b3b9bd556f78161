/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/adhoc.h: a command line that says all that a configuration file would, as
 * the text of such a file.
 */
#ifndef PM_PIPEMILTER_ADHOC_H
#define PM_PIPEMILTER_ADHOC_H

#include "base/buf.h"
#include "config/conf.h"

#define ADHOC_MAX	(1024 * 1024)	/* bytes of text */

/* Where a piece of the text stands, in this order. */
enum adhoc_place { ADHOC_GLOBAL, ADHOC_LISTEN, ADHOC_HANDLER };

struct adhoc_piece {
	enum adhoc_place	 place;
	char			*text;
	char			*label;	/* what it was on the command line */
};

struct adhoc {
	struct adhoc_piece	*pieces;
	size_t			 npieces;
	struct buf		 events;	/* what -e named, as a list's inside */
};

/* All of it as a text, and which of its lines came from what. */
struct adhoc_text {
	struct buf		 text;		/* ends with a NUL */
	int			 line;		/* of what comes next */
	struct conf_label	*labels;
	size_t			 nlabels;
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
 * The text: argv is a command with its arguments, or a directory of hooks alone.
 * It holds whatever bytes the arguments have, and the labels are those of the
 * struct adhoc. Returns 0, or -1: too long.
 */
int	 adhoc_make_text(const struct adhoc *, char *const *argv, struct adhoc_text *);
void	 adhoc_text_free(struct adhoc_text *);

#endif
