/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/exclude.h: whom and what a handler is not asked about. Each function is called when
 * the client, a MAIL, or more of the size of the message is known.
 */
#ifndef PM_SESSION_EXCLUDE_H
#define PM_SESSION_EXCLUDE_H

#include "session/turn.h"
#include "state/state.h"

/* 1 if the address of the client is known, and in the network. */
int	 exclude_is_in(const struct session *, const struct network *);
void	 exclude_at_connect(struct session *);
void	 exclude_at_mail(struct session *);
void	 exclude_at_size(struct session *);
/* on-large answers the current event, if that is due: passed or refused. */
enum turn exclude_answer(struct session *, unsigned int index);

#endif
