/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/received.h: the headers that a mail server puts on top of a message when it
 * takes it, which MTAs don't show to filters, and programs that read mail expect.
 */
#ifndef PM_SESSION_RECEIVED_H
#define PM_SESSION_RECEIVED_H

#include <time.h>

#include "state/state.h"

/*
 * Return-Path and Received of the session's message, folded, with CRLF. Nothing
 * that came from outside can end a line in it. 4 KB at most.
 */
void	 received_write(const struct session *, time_t, struct buf *out);

#endif
