/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain.h: what follows from a configuration, in words on standard
 * output, for -n of pipemilter(8).
 */
#ifndef PM_PIPEMILTER_EXPLAIN_H
#define PM_PIPEMILTER_EXPLAIN_H

#include "config/conf.h"
#include "mta/plan.h"

/* What an MTA of today is asked for at each listener, and for which handlers. */
void	 explain_listeners(const struct conf *);
/* 1 if two listeners, by index, have the same handlers. */
int	 explain_same_handlers(const struct conf *, size_t, size_t);
/* pipemilter/explain_mta.c: the lines for Postfix's main.cf, and for Sendmail's .mc. */
void	 explain_mta_postfix(const struct conf *);
void	 explain_mta_sendmail(const struct conf *);

/* pipemilter/explain_args.c: a command line with a session to explain. */
struct explain_args {
	char		**options;	/* after a name, as for getopt(3) */
	char		**command;	/* what stands before the options */
	struct mta_plan	  plan;
};
/*
 * Takes what follows the options of pipemilter: options of milter-send(1) after
 * the argument `--'. That is right before the operands or, with a command, the
 * last `--' among them. Returns 0, or -1 for a usage error; some errors are
 * told already then. The struct must be all 0 before; free it in both cases.
 */
int	 explain_args_take(struct explain_args *, char **operands, int has_command);
void	 explain_args_free(struct explain_args *);

/*
 * pipemilter/explain_play.c: which handlers are asked at each event of one
 * session, and why.
 */
void	 explain_play(const struct conf *, const struct mta_plan *);

#endif
