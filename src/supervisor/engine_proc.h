/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_proc.h: one engine as the supervisor sees it: a process, a
 * channel, and messages that wait for room in the channel.
 */
#ifndef PM_SUPERVISOR_ENGINE_PROC_H
#define PM_SUPERVISOR_ENGINE_PROC_H

#include <stdint.h>

#include "base/compat.h"
#include "config/conf.h"
#include "system/ipc.h"

#define ENGINE_RATE	10000	/* requests a second, */
#define ENGINE_BURST	20000	/* and at once */

#define ENGINE_STILL	15	/* looks in a row that see no turn: that is logged */

struct generation;
struct outgoing;

struct engine_proc {
	struct generation *generation;	/* that it belongs to */
	unsigned int	 index;		/* among conf->engines, from 0 */
	unsigned int	 number;	/* among all engines that live, from 0 */
	char		 name[24];	/* "engine", or "engine 2" of several */
	uint32_t	 run;		/* that the ids of its sessions begin with */
	int		 cpu;		/* it and its handlers stay on this CPU; -1: any */
	pid_t		 pid;		/* -1: none */
	int		 guarded;	/* its place at the guard, -1: none */
	int		 fd;		/* the channel, -1: none */
	int		 log_fd;	/* its socket to syslog, -1: none */
	int		 ready;		/* it serves, or waits for IPC_SERVE */
	int		 retired;	/* it has done what IPC_RETIRE asks for */
	int		 polled;	/* its place in what was polled last; -1: none */
	unsigned int	 starts;	/* how often it was started */
	uint64_t	 started;	/* ms */
	uint64_t	 kill_at;	/* ms: it is taken to be stuck then */
	uint64_t	 restart_at;	/* ms: if it is gone, not before this */
	uint64_t	 delay;		/* ms from this start to the next, at least */
	uint64_t	 requests;	/* how many it may still make, as of counted */
	uint64_t	 counted;	/* ms of awake_ms() */
	uint64_t	 turns;		/* of its loop, as of the supervisor's last look */
	unsigned int	 still;		/* looks in a row that saw no more turns */
	size_t		 nqueued;
	TAILQ_HEAD(, outgoing) queue;
};

/*
 * What the forked process does; it never returns. fd: its channel; log_fd: for
 * syslog_adopt().
 */
typedef void	 engine_proc_run(struct engine_proc *, int fd, int log_fd, void *arg);

/* index: among conf->engines; number: among all that live. Both count from 0. */
void	 engine_proc_init(struct engine_proc *, struct generation *, const struct conf *,
	    unsigned int index, unsigned int number);
/* Forks the engine. Returns 0, or -1, logged. */
int	 engine_proc_start(struct engine_proc *, engine_proc_run *, void *arg);
/* It gets KILL, if it lives. */
void	 engine_proc_kill(const struct engine_proc *);
/* In a new engine: closes the channel of another one, and what waits for it. */
void	 engine_proc_forget(struct engine_proc *);
/*
 * Sends a message, which is copied, with its descriptors, or keeps them until the channel has
 * room. Closes the descriptors in any case, at the latest when the engine is
 * gone.
 */
void	 engine_proc_send(struct engine_proc *, const struct ipc_msg *, const int *fds, int nfds);
/*
 * The same with a copy of a descriptor, -1: none. An engine that does not read gets no pile of
 * descriptors: such a message is dropped.
 */
void	 engine_proc_send_copy(struct engine_proc *, const struct ipc_msg *, int fd);
/* Sends messages that wait, while there is room. */
void	 engine_proc_flush(struct engine_proc *);
/*
 * Counts a request. Returns 0 if those are more than any honest engine makes: the
 * supervisor starts one or two thousand processes a second.
 */
int	 engine_proc_may_ask(struct engine_proc *, uint64_t now);
/* 1 if it has had no turn for so long that something must be wrong. */
int	 engine_proc_is_still(const struct engine_proc *);
/* Closes the channel; there may be none. */
void	 engine_proc_hang_up(struct engine_proc *);
/* The engine was reaped: closes the channel and drops messages that wait. */
void	 engine_proc_gone(struct engine_proc *);

#endif
