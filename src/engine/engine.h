/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/engine.h: the process that talks with MTAs and handlers: what its parts
 * share. Callbacks of libevent never free a connection or a process: they
 * mark it dead, and it is swept away when the turn of the loop is over.
 */
#ifndef PM_ENGINE_ENGINE_H
#define PM_ENGINE_ENGINE_H

#include "base/compat.h"
#include <sys/tree.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "config/conf.h"
#include "store/board.h"
#include "system/ipc.h"
#include "engine/ltimer.h"
#include "session/session.h"

struct conn;
struct hproc;
struct pool;
TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(hproc_list, hproc);
RB_HEAD(hproc_tree, hproc);

struct engine {
	const struct conf	*conf;
	unsigned int		 index;		/* of this engine among all */
	struct board		*board;		/* what all engines count together */
	struct event_base	*base;
	int			 ipc_fd;
	struct event		 ipc_read, ipc_write;
	struct listener		*listeners;	/* one for each conf->listens */
	struct pool		*pools;		/* one for each conf->handlers */
	struct conn_list	 conns;
	struct conn_list	 dead_conns;	/* to be freed at the end of the turn */
	struct hproc_list	 dead_procs;
	struct session_list	 dead_sessions;
	struct hproc_list	 unsent;	/* processes with a message for the supervisor */
	struct hproc_list	 dirty;		/* processes with something to be written */
	struct ltimer		 spares;	/* files that were put away go */
	struct hproc_tree	 procs;		/* by id */
	uint64_t		 last_id;
	unsigned int		 nconns;
	unsigned int		 nprocs;
	unsigned int		 nsessions;	/* those of closed connections included */
	unsigned int		 max_fds;
	unsigned int		 fds_a_conn;	/* that a connection may come to own */
	int			 draining;
	uint64_t		 now;		/* ms, once a turn has asked; 0 before */
	struct buf		 spare;		/* memory for answers: whoever has some takes it */
};

/* 1 if descriptors for one more connection and what it may start are left. */
int		 engine_has_room(const struct engine *);
/* The time in ms, as it was when this turn of the loop first asked. */
uint64_t	 engine_now(struct engine *);
/* A process by its id; NULL: it is gone. */
struct hproc	*engine_process(struct engine *, uint64_t id);
/* Messages to the supervisor wait: send them, now or when there is room. */
void		 engine_flush_ipc(struct engine *);

#endif
