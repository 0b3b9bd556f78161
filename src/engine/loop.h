/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/loop.h: what all files of the engine share: one struct engine, and its
 * clock.
 *
 * No callback of libevent frees a connection, a process or a session, since its
 * callers still use them. It puts them into a list of dead ones, which
 * engine/engine.c frees at the end of the turn. A turn is one return of the
 * event loop, with all callbacks that it runs.
 */
#ifndef PM_ENGINE_LOOP_H
#define PM_ENGINE_LOOP_H

#include "base/compat.h"
#include <sys/tree.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "config/conf.h"
#include "engine/ltimer.h"
#include "session/session.h"
#include "store/board.h"

struct conn;
struct engine;
struct hproc;
struct pool;
TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(hproc_list, hproc);
RB_HEAD(hproc_tree, hproc);

/*
 * What a pool tells the owner of a session. The pool knows no connection, so
 * that its calls run one way; engine/conn.c provides the functions.
 */
struct owner_hooks {
	/*
	 * The handler that the MTA waits for has a result; its task is gone. Only
	 * called while the session has its connection.
	 */
	void	(*answered)(struct session *, struct task_result *);
	/*
	 * Tasks have left the session: more may be read for it, or, if its
	 * connection is gone and no task is left, it may be freed.
	 */
	void	(*moved)(struct engine *, struct session *);
};

struct engine {
	const struct conf	*conf;
	unsigned int		 index;		/* of this engine, from 0 */
	struct board		*board;		/* counters that all engines share */
	int			 record_fd;	/* the directory for transcripts; -1: none */
	struct event_base	*base;
	int			 ipc_fd;	/* the channel to the supervisor */
	struct event		 ipc_read, ipc_write;
	struct listener		*listeners;	/* one for each of conf->listens */
	struct pool		*pools;		/* one for each of conf->handlers */
	const struct owner_hooks *hooks;
	struct conn_list	 conns;
	struct conn_list	 dead_conns;	/* to be freed at the end of the turn */
	struct hproc_list	 dead_procs;	/* the same */
	struct session_list	 dead_sessions;	/* the same */
	struct hproc_list	 unsent;	/* processes with a message for the supervisor */
	struct hproc_list	 dirty;		/* processes with something to be written */
	struct hproc_tree	 procs;		/* by id */
	unsigned int		 nconns;
	unsigned int		 nprocs;
	unsigned int		 nsessions;	/* those of closed connections included */
	unsigned int		 max_fds;	/* descriptors that this process may have */
	unsigned int		 fds_a_conn;	/* descriptors that a connection may come to own */
	int			 serving;	/* it accepts connections, or did */
	int			 draining;	/* it accepts no more, and ends when all is done */
	int			 ending;	/* it answers what is left, and ends at once */
	uint64_t		 now;		/* see engine_now(); 0: nobody has asked in this turn */
	struct ltimer		 turn_timer;	/* wakes a loop that has no work */
	struct ltimer		 log_timer;	/* tells how many log lines were left out */
	struct ltimer		 syslog_timer;	/* tries lines of the log again that wait */
	unsigned long		 lines_lost;	/* lines of the log, as the board has it */
	uint64_t		 syslog_asked;	/* ms when the supervisor was last sent IPC_LOG */
	struct ltimer		 spare_files_timer;	/* removes the files of store/spool_file.h */
	uint64_t		 silent_at;	/* ms: when to look again who holds memory and is silent */
	struct buf		 idle_mem;	/* memory that a buffer takes while it has bytes */
};

/* 1 if descriptors for one more connection, and the processes it may start, are left. */
int		 engine_has_room(const struct engine *);
/* ms of mono_ms(), the same value throughout one turn of the loop. */
uint64_t	 engine_now(struct engine *);

#endif
