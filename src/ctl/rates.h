/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/rates.h: what has happened between one answer to `status' and the next, and how that was
 * within the last minute. Pure.
 */
#ifndef PM_CTL_RATES_H
#define PM_CTL_RATES_H

#include "ctl/snapshot.h"

#define RATES_CELLS	8	/* of the last minute */

struct rates_handler {
	char			*name;
	uint64_t		 asked, failed;		/* in the last interval */
	struct numbers_times	 times;			/* of its answers and failures */
	double			 cells[RATES_CELLS];	/* a second; below 0: not known */
};

struct rates {
	uint64_t		 ms;		/* of the last interval; 0: there was none */
	uint64_t		 messages[NUMBERS_MESSAGES];
	struct rates_handler	*handlers;	/* as in the snapshot */
	size_t			 n;
	/* Of the one before: */
	struct snapshot		 last;
	uint64_t		 last_at;
	struct history		*history;
	size_t			 nhistory;
};

/* Takes over the snapshot, which was made at this time (ms); last is that one then. All zero at first. */
void	 rates_add(struct rates *, struct snapshot *, uint64_t now);
void	 rates_free(struct rates *);

#endif
