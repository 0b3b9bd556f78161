/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * macros.h: the macros of a session as the MTA sent them, with the lifetimes
 * that libmilter gives them (libmilter/engine.c: each event clears the lists
 * of the stages behind its own).
 */
#ifndef PM_MACROS_H
#define PM_MACROS_H

#include "milter_proto.h"
#include "rd.h"

/*
 * Of one stage; what comes behind them is dropped. A walk looks each one up
 * in all the others, so thousands would take seconds.
 */
#define MACROS_MAX	500

struct macro_list {
	char	*bytes;		/* name NUL value NUL ..., names without braces */
	size_t	 len;
};

struct macros {
	struct macro_list	 stage[SMFIM_COUNT];
};

/* One look at all macros: newest stage first, each name once. */
struct macro_iter {
	const struct macros	*macros;
	int			 order;
	size_t			 at;
};

void	 macros_init(struct macros *);
void	 macros_clear(struct macros *);

/*
 * Takes the pairs of a D for the stage that belongs to letter (SMFIC_). A D
 * without pairs leaves the old list, and one for a letter that has no stage
 * is ignored, as in libmilter.
 */
void	 macros_store(struct macros *, int letter, struct rd pairs);
/* to, which has none of that stage, gets those of the connect stage from from. */
void	 macros_move_connect(struct macros *to, struct macros *from);
/* The event of letter has come: forgets what belongs to later stages. */
void	 macros_event(struct macros *, int letter);
/* A message has ended. */
void	 macros_end_message(struct macros *);

/* The value of a name without braces, newest stage first; NULL: not there. */
const char *macros_get(const struct macros *, const char *name);

void	 macro_iter_init(struct macro_iter *, const struct macros *);
/* 1 and the next pair, whose strings live until the macros change; or 0. */
int	 macro_iter_next(struct macro_iter *, const char **name, const char **value);

#endif
