/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/plan_options.h: the command line options of milter-send(1), and of
 * pipemilter(8) with -n, that describe the session to play. A wrong option ends
 * the program.
 */
#ifndef PM_MTA_PLAN_OPTIONS_H
#define PM_MTA_PLAN_OPTIONS_H

#include <stddef.h>

#include "mta/plan.h"

#define MTA_EXIT_USAGE	2
#define MTA_MAX_ARG	8192	/* bytes of an argument; several fit a milter packet */
#define MTA_PLAN_OPTIONS	"c:f:H:h:m:P:r:t:"	/* for getopt(3) */

/* Sets a session without a message, for options to change. */
void	 mta_plan_default(struct mta_plan *);
/*
 * Takes an option ch of getopt(3) with its argument. Returns 1 if it describes
 * the session; sets *host for -h. Ends the program with MTA_EXIT_USAGE if the
 * argument is wrong.
 */
int	 mta_plan_option(struct mta_plan *, const char **host, int ch, const char *arg);
/*
 * Fills in what no option set. Call it after the last option; host is that of
 * mta_plan_option(), or NULL.
 */
void	 mta_plan_complete(struct mta_plan *, const char *host);
/*
 * The number in an argument of the option, 1 to max; ends the program as
 * mta_plan_option() does.
 */
size_t	 mta_number(int option, const char *text, long long max);

#endif
