/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn.h: milter connections: bytes in, commands to the session, answers
 * out.
 */
#ifndef PM_ENGINE_CONN_H
#define PM_ENGINE_CONN_H

#include "engine/listener.h"
#include "engine/loop.h"

/* How pools reach the connection of a session: for engine.hooks. */
extern const struct owner_hooks conn_hooks;

/* Begins a connection that was accepted. Takes the descriptor. For listener_init(). */
void	 conn_new(struct listener *, int fd, const struct netaddr *peer);
/*
 * Closes a connection whose peer has not negotiated options, if there is one that
 * had a second for it. For listener_init().
 */
enum room conn_make_room(struct listener *);
/*
 * The time to drain is over: answers what MTAs wait for by the outcome of a
 * timeout, and closes each connection when its answers are written. Events that
 * are left run in the loop.
 */
void	 conn_answer_all(struct engine *);
/* The supervisor is gone: answers all events that wait, and closes all connections. */
void	 conn_orphan_all(struct engine *);
/*
 * Frees closed connections, and sessions that are over and whose last report
 * was taken. Call it at the end of a turn of the loop.
 */
void	 conn_sweep(struct engine *);

#endif
