/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/wants.h: do handlers want anything more of a message, or of a session?
 */
#ifndef PM_SESSION_WANTS_H
#define PM_SESSION_WANTS_H

#include "state/state.h"

/* 1 if a handler said accept and no handler wants anything more. */
int	 wants_nothing_more(const struct session *);
/* 1 if every handler that was asked or told of the body has had enough of it. */
int	 wants_no_body(const struct session *);

#endif
