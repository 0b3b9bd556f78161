/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/context.h: what handlers `set': values of a session, which those of the
 * message hide while it lasts.
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
	uint64_t			 told;		/* handlers that know it; see block/block.h */
	uint64_t			 had;		/* handlers that know an earlier value */
};

/* One that was unset, while somebody knows it who is to be told. */
struct context_gone {
	TAILQ_ENTRY(context_gone)	 entry;
	char				*name;
	uint64_t			 told;		/* who still has to hear of it */
};

/* More of them are not kept: who would have to hear of one is lost then. */
#define CONTEXT_MAX_GONE	64

struct context {
	TAILQ_HEAD(, context_value)	 values;	/* in the order they were set */
	size_t				 bytes;		/* of all names and values */
	TAILQ_HEAD(, context_gone)	 gone;
	unsigned int			 ngone;
	int				 changed;	/* for the owner, who takes it back */
	uint64_t			 lost;		/* handlers that have to be told everything; the same */
};

void	 context_init(struct context *);
void	 context_clear(struct context *);
/* The same value again changes nothing. */
void	 context_set(struct context *, const char *name, const char *value, int of_message);
/* Forgets both the session's and the message's value. */
void	 context_unset(struct context *, const char *name);
/* to becomes what from is; from is empty then. */
void	 context_move(struct context *to, struct context *from);
void	 context_copy(struct context *to, const struct context *from);
void	 context_end_message(struct context *);
/* 1 unless a value of the message hides this one. */
int	 context_visible(const struct context *, const struct context_value *);
/* A handler, given as a bit, has forgotten everything. */
void	 context_untell(struct context *, uint64_t index);
/* A handler was told that this one is gone, which may be freed by that. */
void	 context_gone_told(struct context *, struct context_gone *, uint64_t index);

#endif
