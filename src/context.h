/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * context.h: what handlers `set': values of a session, which those of the
 * message hide while it lasts.
 */
#ifndef PM_CONTEXT_H
#define PM_CONTEXT_H

#include <stddef.h>

#include "compat.h"

struct context_value {
	TAILQ_ENTRY(context_value)	 entry;
	char				*name;
	char				*value;
	int				 of_message;
};

struct context {
	TAILQ_HEAD(, context_value)	 values;	/* in the order they were set */
	size_t				 bytes;		/* of all names and values */
};

void	 context_init(struct context *);
void	 context_clear(struct context *);
void	 context_set(struct context *, const char *name, const char *value, int of_message);
/* Forgets both the session's and the message's value. */
void	 context_unset(struct context *, const char *name);
/* to becomes what from is; from is empty then. */
void	 context_move(struct context *to, struct context *from);
void	 context_copy(struct context *to, const struct context *from);
void	 context_end_message(struct context *);
/* 1 unless a value of the message hides this one. */
int	 context_visible(const struct context *, const struct context_value *);

#endif
