/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_proc.h: one engine as the supervisor sees it: a process, a channel
 * and the messages that wait for room in it.
 */
#ifndef PM_SUPERVISOR_ENGINE_PROC_H
#define PM_SUPERVISOR_ENGINE_PROC_H

#include <stdint.h>

#include "base/compat.h"
#include "system/ipc.h"
#include "supervisor/supervisor.h"

struct outgoing;

struct engine_proc {
	unsigned int	 index;		/* among conf->engines */
	char		 name[24];	/* "engine", or "engine 2" of several */
	int		 cpu;		/* that it stays on with its handlers, -1: any */
	pid_t		 pid;		/* -1: none */
	int		 fd;		/* the channel, -1: none */
	int		 ready;		/* has said that it serves */
	unsigned int	 starts;	/* how often it was started */
	uint64_t	 started;	/* when */
	uint64_t	 kill_at;	/* when it is taken to be stuck */
	uint64_t	 restart_at;	/* when there is none: not before this */
	uint64_t	 delay;		/* from this start to the next, at least */
	size_t		 nqueued;
	TAILQ_HEAD(, outgoing) queue;
};

void	 engine_proc_init(struct engine_proc *, const struct conf *, unsigned int index);
/*
 * Forks one of the engines, all of which are given so that the new one can let
 * go of what is the others'. Returns 0 or -1, logged.
 */
int	 engine_proc_start(struct engine_proc *all, unsigned int index,
	    const struct supervisor_opts *, struct board *);
/*
 * Sends a message with its descriptors, or keeps it until there is room. The
 * descriptors are closed here in any case, at the latest with the engine.
 */
void	 engine_proc_send(struct engine_proc *, const struct ipc_msg *, const int *fds, int nfds);
/* Sends what waits, as far as there is room. */
void	 engine_proc_flush(struct engine_proc *);
/* It has been reaped: closes the channel, forgets what waited. */
void	 engine_proc_gone(struct engine_proc *);

#endif
