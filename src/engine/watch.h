/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/watch.h: who watches sessions (pipemilterctl(8), `watch'). Each has a socket to which
 * lines are sent, but never waited for: a line that finds no room is counted. While nobody
 * watches, no line costs more than a test.
 */
#ifndef PM_ENGINE_WATCH_H
#define PM_ENGINE_WATCH_H

#include "engine/loop.h"
#include "engine/pool.h"
#include "system/ipc_msg.h"

/* The supervisor says that somebody watches (IPC_WATCH). Takes the descriptor; -1: it was lost. */
void	 watch_begin(struct engine *, const struct ipc_msg *, int fd);
void	 watch_end(uint64_t id);
/* 1 if anybody watches. */
int	 watch_is_on(void);
/*
 * A handler has answered a task that has a session, or failed: took and waited are us that
 * its process, and the queue, had it.
 */
void	 watch_answer(const struct pool *, const struct task *, const struct task_result *,
	    uint64_t took, uint64_t waited);
/* The session is to be freed. */
void	 watch_session_gone(struct session *);
/* At the end of a turn: tells what was lost, where there is room again. */
void	 watch_sweep(void);

#endif
