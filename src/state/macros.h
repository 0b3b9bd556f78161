/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/macros.h: the macros of a session as the MTA sent them, with the lifetimes
 * that libmilter gives them (libmilter/engine.c: each event clears the lists
 * of the stages behind its own).
 */
#ifndef PM_STATE_MACROS_H
#define PM_STATE_MACROS_H

#include <stdint.h>

#include "milter/proto.h"
#include "base/rd.h"

/*
 * Of one stage; what comes behind them is dropped. A walk looks each one up
 * in all the others, so thousands would take seconds.
 */
#define MACROS_MAX	500

struct macro_pair {
	const char	*name;		/* without braces, and without a NUL */
	const char	*value;		/* with one */
	size_t		 name_len, value_len;
	int		 hidden;	/* by a newer stage, or it came twice */
};

struct macro_list {
	unsigned char		*raw;	/* as they came */
	uint32_t		 len, cap;	/* of a packet; len 0: there are none */
	struct macro_pair	*pairs;	/* of raw, once somebody has looked; or NULL */
	unsigned int		 n;
	uint64_t		 told;	/* handlers whose readers know them; see block/block.h */
	uint64_t		 had;	/* handlers that know what they replaced */
};

struct macros {
	struct macro_list	 stage[SMFIM_COUNT];
	int			 stale;		/* which are hidden is to be found out */
	int			 changed;	/* for the owner, who takes it back */
	uint64_t		 lost;		/* handlers that know what is gone; the same */
};

/* One look at all macros: newest stage first, each name once. */
struct macro_iter {
	const struct macros	*macros;
	int			 order;
	unsigned int		 at;
};

void	 macros_init(struct macros *);
void	 macros_clear(struct macros *);

/*
 * Takes the pairs of a D for the stage that belongs to letter (SMFIC_). A D
 * without pairs leaves the old list, and one for a letter that has no stage
 * is ignored, as in libmilter. One that says the same again changes nothing.
 */
void	 macros_store(struct macros *, int letter, struct rd pairs);
/* to, which has none of that stage, gets those of the connect stage from from. */
void	 macros_move_connect(struct macros *to, struct macros *from);
/* The event of letter has come: forgets what belongs to later stages. */
void	 macros_event(struct macros *, int letter);
/* Places that were told of a stage of a message. */
uint64_t macros_told_of_message(const struct macros *);
/* A message has ended. */
void	 macros_end_message(struct macros *);

/* The value of a name without braces, newest stage first; NULL: not there. */
const char *macros_get(const struct macros *, const char *name);

void	 macro_iter_init(struct macro_iter *, struct macros *);
/* The next pair, which lives until the macros change; or NULL. */
const struct macro_pair *macro_iter_next(struct macro_iter *);

/*
 * One look at what a handler, given as a bit, has to be told: all there is, or
 * what it does not know. It knows those of the stages that it was told of,
 * and keeps of each name the value that it was told last.
 */
struct macro_delta {
	struct macros	*macros;
	uint64_t	 index;		/* 0: nothing is noted */
	int		 all;
	int		 first, order;
	unsigned int	 at;
};

/* oldest_only: those of connect and helo, as if there were no others. */
void	 macro_delta_init(struct macro_delta *, struct macros *, uint64_t index, int all,
	    int oldest_only);
/* The next pair or NULL. A stage that was gone through counts as told. */
const struct macro_pair *macro_delta_next(struct macro_delta *);
/* A handler has forgotten everything. */
void	 macros_untell(struct macros *, uint64_t index);

#endif
