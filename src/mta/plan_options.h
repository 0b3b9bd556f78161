/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_plan_options.h: the options of a command line that say what is played:
 * of milter-send(1), and of pipemilter(8) with -n.
 */
#ifndef PM_MTA_PLAN_OPTIONS_H
#define PM_MTA_PLAN_OPTIONS_H

#include <stddef.h>

#include "mta/plan.h"

#define MTA_EXIT_USAGE	2
#define MTA_MAX_ARG	8192	/* bytes of an argument: several of them fit a milter packet */
#define MTA_PLAN_OPTIONS	"c:f:H:h:m:P:r:t:"	/* for getopt(3) */

/* A session with no message yet, to be changed by options. */
void	 mta_plan_default(struct mta_plan *);
/*
 * 1 if it was an option of the session that is played; *host is what -h said.
 * Ends the program with MTA_EXIT_USAGE if something is wrong with it.
 */
int	 mta_plan_option(struct mta_plan *, const char **host, int ch, const char *arg);
/* Behind the last option: what was not said. host may be NULL. */
void	 mta_plan_complete(struct mta_plan *, const char *host);
/* The number of an option, 1 to max; ends the program likewise. */
size_t	 mta_number(int option, const char *text, long long max);

#endif
