/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_run.h: plays a plan over as many connections as wished, in one loop.
 */
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
	int64_t		 nanoseconds;	/* of all */
	int64_t		*latencies;	/* nanoseconds, one a message */
	size_t		 nlatencies;
};

struct send_run {
	const struct mta_plan		*plan;
	/* Plays instead of the plan, on one connection after the other; NULL. */
	const struct mta_side		*side;
	struct netaddr			 addr;
	int				 first_fd;	/* connected already; -1: none */
	size_t				 count;		/* messages to send */
	size_t				 connections;	/* at a time */
	size_t				 per_connection;
	/* Who watches a single session; NULL: the load is measured instead. */
	const struct mta_hooks		*watch;
	const volatile sig_atomic_t	*stop;		/* a signal came */
	const sigset_t			*wait_mask;	/* signals blocked while it polls */
	struct send_stats			 stats;
	char				 error[640];	/* what broke the first connection */
};

/* Plays. Returns 0, or -1 with error set; stats count up to there. */
int	 send_run(struct send_run *);
void	 send_run_free(struct send_run *);

#endif
