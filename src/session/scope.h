/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/scope.h: scopes of several events. Public: session_scope_failed().
 */
#ifndef PM_SESSION_SCOPE_H
#define PM_SESSION_SCOPE_H

#include "state/state.h"

/*
 * 1 if the handler at an index is given the current event in a scope of several events, which
 * has begun by that at the latest. *begins: set to 1 if it begins with this event, else 0.
 * Unchanged where 0 is returned.
 */
int	 scope_enter(struct session *, unsigned int index, int *begins);
/*
 * The scope of a handler, if there is one, ends with the task that was made last, which says so
 * itself.
 */
void	 scope_leave(struct session *, unsigned int index);
/* The scope of a handler, if there is one, is over: its last task says so, or scope_over. */
void	 scope_end(struct session *, unsigned int index);
/* The process that served a scope is to be let go, and no task is left to say so. */
void	 scope_note_over(struct hstate *);

#endif
