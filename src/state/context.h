/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/context.h: the values that handlers `set' for a session, and `set-message' for a
 * message. A value of the message hides the session's of the same name while the message
 * lasts.
 */
#ifndef PM_STATE_CONTEXT_H
#define PM_STATE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/compat.h"

struct context_value {
	TAILQ_ENTRY(context_value)	 entry;
	char				*name;
	char				*value;
	int				 of_message;
	uint64_t			 told;		/* handlers that know it: state/known.h */
	uint64_t			 had;		/* handlers that know an earlier value, or were shown */
};

/* A value that was unset, for as long as some handler has to hear of that. */
struct context_gone {
	TAILQ_ENTRY(context_gone)	 entry;
	char				*name;
	uint64_t			 told;		/* handlers that have to hear of it */
};

/* If there are more, all are dropped: who had to hear of one is among the lost then. */
#define CONTEXT_MAX_GONE	64

struct context {
	TAILQ_HEAD(, context_value)	 values;	/* in the order they were set */
	size_t				 bytes;		/* of all names and values */
	TAILQ_HEAD(, context_gone)	 gone;
	unsigned int			 ngone;
	int				 changed;	/* since known_collect(), which clears it */
	uint64_t			 lost;		/* who has to be told everything; the same */
};

void	 context_init(struct context *);
/* Frees all values; the context is empty then. */
void	 context_clear(struct context *);
/* Sets a value of the session or of the message. The same value again changes nothing. */
void	 context_set(struct context *, const char *name, const char *value, int of_message);
/* Forgets both the session's and the message's value. */
void	 context_unset(struct context *, const char *name);
/* Frees what is in to, and moves all of from there; from is empty then. */
void	 context_move(struct context *to, struct context *from);
/* Copies from, but not its changed and lost, to a context that holds nothing. */
void	 context_copy(struct context *to, const struct context *from);
/* The message is over: drops its values. */
void	 context_end_message(struct context *);
/* 1 unless a value of the message hides this one. */
int	 context_visible(const struct context *, const struct context_value *);
/*
 * A handler, given as its bit, is shown the values that are visible, or with over those of the
 * session, as if the message had none. It is told them again: it only counts as one that has to
 * hear when a value is gone.
 */
void	 context_show(struct context *, uint64_t bit, int over);
/* The process of a handler, given as its bit, knows no value. */
void	 context_untell(struct context *, uint64_t bit);
/* A handler, given as its bit, was told that this value is gone. Frees that, if it was the last. */
void	 context_gone_told(struct context *, struct context_gone *, uint64_t bit);

#endif
