/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/macros.h: the macros of a session as the MTA sent them, with the lifetimes that
 * libmilter gives them (libmilter/engine.c: each event clears the lists of the stages after
 * its own).
 */
#ifndef PM_STATE_MACROS_H
#define PM_STATE_MACROS_H

#include <stdint.h>

#include "milter/proto.h"
#include "base/rd.h"

/*
 * Macros of one stage; more are dropped. A walk looks each one up in all the others, so that
 * thousands would take seconds.
 */
#define MACROS_MAX	500

struct macro_pair {
	const char	*name;		/* without braces; no NUL after it */
	const char	*value;		/* with its NUL */
	size_t		 name_len, value_len;
	int		 hidden;	/* a newer stage has the name too, or an earlier pair */
};

struct macro_list {
	unsigned char		*raw;	/* as the MTA sent them */
	uint32_t		 len, cap;	/* bytes of raw; len 0: there are no macros */
	struct macro_pair	*pairs;	/* made of raw when they are first needed; or NULL */
	unsigned int		 n;
	uint64_t		 told;	/* handlers that know them: state/known.h */
	uint64_t		 had;	/* handlers that know macros which these replaced, or were shown */
};

struct macros {
	struct macro_list	 stage[SMFIM_COUNT];
	int			 stale;		/* the marks `hidden' have to be made again */
	int			 changed;	/* since known_collect(), which clears it */
	uint64_t		 lost;		/* who knows a macro that is gone; the same */
};

/* A walk over all macros: newest stage first, each name once. */
struct macro_iter {
	const struct macros	*macros;
	int			 order;
	unsigned int		 at;
};

void	 macros_init(struct macros *);
/* Frees all macros. */
void	 macros_clear(struct macros *);
/* Bytes that they take, as the MTA sent them. */
size_t	 macros_bytes(const struct macros *);

/*
 * Copies the pairs of a macro command (SMFIC_MACRO) for the stage that belongs to letter
 * (SMFIC_). A command without pairs leaves the old list, and one for a letter without a stage
 * is ignored, as in libmilter. The same pairs again change nothing.
 */
void	 macros_store(struct macros *, int letter, struct rd pairs);
/* Moves the macros of the connect stage to another session, which has none. */
void	 macros_move_connect(struct macros *to, struct macros *from);
/* The event of letter (SMFIC_) has come: forgets the macros of later stages. */
void	 macros_event(struct macros *, int letter);
/* The handlers that were told macros of a stage of messages. */
uint64_t macros_told_of_message(const struct macros *);
/* A message has ended: forgets the macros of its stages. */
void	 macros_end_message(struct macros *);

/*
 * The value of a name without braces, of the newest stage that has it; NULL: none has. It
 * lives until the macros change.
 */
const char *macros_get(const struct macros *, const char *name);

void	 macros_iter_init(struct macro_iter *, struct macros *);
/* The next pair, which lives until the macros change; NULL: that was the last. */
const struct macro_pair *macros_iter_next(struct macro_iter *);

/*
 * A walk over the macros that a handler has to be told: all, or those that its process does not
 * know. The process knows the macros of the stages that it was told, and keeps of each name the
 * value that it was told last.
 */
struct macro_delta {
	struct macros	*macros;
	uint64_t	 bit;		/* of the handler; 0: nothing is noted */
	int		 all;
	int		 first, order;
	unsigned int	 at;
};

/* oldest_only: the macros of connect and helo, as if there were no others. */
void	 macros_delta_init(struct macro_delta *, struct macros *, uint64_t bit, int all,
	    int oldest_only);
/* The next pair or NULL. A stage counts as told once the walk has left it. */
const struct macro_pair *macros_delta_next(struct macro_delta *);
/*
 * A handler, given as its bit, is shown what macros_delta_init() would give it, but is told
 * again what it does not know: it only counts as one that has to hear when a stage is over.
 */
void	 macros_show(struct macros *, uint64_t bit, int oldest_only);
/* The process of a handler, given as its bit, knows no macro. */
void	 macros_untell(struct macros *, uint64_t bit);

#endif
