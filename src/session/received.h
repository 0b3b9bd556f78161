/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/received.h: the headers that a mail server puts on top of a message that it takes.
 * MTAs do not show them to filters, but programs that read mail expect them.
 */
#ifndef PM_SESSION_RECEIVED_H
#define PM_SESSION_RECEIVED_H

#include <time.h>

#include "state/state.h"

/*
 * Adds Return-Path and Received of the session's message, dated with the time, folded and
 * with CRLF. Nothing that came from outside can end a line in it. 4 KB at most.
 */
void	 received_write(const struct session *, time_t, struct buf *out);

#endif
