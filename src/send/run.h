/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* send/run.h: plays a plan over any number of connections, in one loop. */
#ifndef PM_SEND_RUN_H
#define PM_SEND_RUN_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "mta/player.h"
#include "base/netaddr.h"

struct send_stats {
	size_t		 messages;
	size_t		 results[MTA_RESULTS];
	size_t		 events;
	size_t		 connections;
	int64_t		 nanoseconds;	/* for the whole run */
	int64_t		*latencies;	/* ns, one for each message */
	size_t		 nlatencies;
};

struct send_run {
	const struct mta_plan		*plan;
	/* Plays instead of the plan, on one connection after the other; or NULL. */
	const struct mta_side		*side;
	struct netaddr			 addr;
	int				 first_fd;	/* a connected descriptor; -1: none */
	size_t				 count;		/* messages to send */
	size_t				 connections;	/* at the same time */
	size_t				 per_connection;
	/* Hooks that watch a single session; NULL: the load is measured instead. */
	const struct mta_hooks		*watch;
	const volatile sig_atomic_t	*stop;		/* not 0: a signal came */
	const sigset_t			*wait_mask;	/* signals blocked during the poll */
	struct send_stats		 stats;
	char				 error[640];	/* why the first connection failed */
};

/*
 * Plays. Returns 0, or -1 with error set; stats count up to there. Call
 * send_run_free() in both cases.
 */
int	 send_run(struct send_run *);
void	 send_run_free(struct send_run *);

#endif
