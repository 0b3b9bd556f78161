/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/adhoc.h: turns a command line that says all that a configuration
 * file would into the text of such a file.
 */
#ifndef PM_PIPEMILTER_ADHOC_H
#define PM_PIPEMILTER_ADHOC_H

#include "base/buf.h"
#include "config/conf.h"

#define ADHOC_MAX	(1024 * 1024)	/* bytes of text */

/* The part of the text that a piece belongs to, in the order of the text. */
enum adhoc_place { ADHOC_GLOBAL, ADHOC_LISTEN, ADHOC_HANDLER };

struct adhoc_piece {
	enum adhoc_place	 place;
	char			*text;
	char			*label;	/* as on the command line, for messages */
};

struct adhoc {
	struct adhoc_piece	*pieces;
	size_t			 npieces;
	struct buf		 events;	/* names of -e, as inside a list */
};

/* The whole text, and where its lines come from. */
struct adhoc_text {
	struct buf		 text;		/* ends with a NUL */
	int			 line;		/* number of the next line, from 1 */
	struct conf_label	*labels;
	size_t			 nlabels;
};

void	 adhoc_init(struct adhoc *);
void	 adhoc_free(struct adhoc *);
/* -l: an address, or an address and { options }. Any text is accepted here. */
void	 adhoc_listen(struct adhoc *, const char *);
/* -e: names separated by commas. */
void	 adhoc_events(struct adhoc *, const char *);
/* -o: one option, as in the file. Returns 0, or -1 if it is unknown. */
int	 adhoc_option(struct adhoc *, const char *);
/*
 * Makes the text. argv is a command with its arguments, or only a directory of
 * hooks; NULL ends it. Arguments may hold any bytes. The labels point into the
 * struct adhoc. Returns 0, or -1 if the text is too long; call
 * adhoc_text_free() in both cases.
 */
int	 adhoc_make_text(const struct adhoc *, char *const *argv, struct adhoc_text *);
void	 adhoc_text_free(struct adhoc_text *);

#endif
