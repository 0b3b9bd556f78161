/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain.h: what follows from a configuration, in words and on standard
 * output: for -n of pipemilter(8).
 */
#ifndef PM_PIPEMILTER_EXPLAIN_H
#define PM_PIPEMILTER_EXPLAIN_H

#include "config/conf.h"
#include "mta/plan.h"

/* What an MTA of today is asked for at each listener, and for whose sake. */
void	 explain_listeners(const struct conf *);
/* 1 if two listeners, by their numbers, are ways to the same handlers. */
int	 explain_same_handlers(const struct conf *, size_t, size_t);
/* pipemilter/explain_mta.c: the lines for Postfix's main.cf, and for Sendmail's .mc. */
void	 explain_mta_postfix(const struct conf *);
void	 explain_mta_sendmail(const struct conf *);

/* pipemilter/explain_args.c: a command line with a session that is to be explained. */
struct explain_args {
	char		**options;	/* behind a name, as for getopt(3) */
	char		**command;	/* what stands before them */
	struct mta_plan	  plan;
};
/*
 * Takes what is left behind the options of pipemilter: options of milter-send(1)
 * behind the argument `--', which stands just before the operands, or with a
 * command is the last one among them. Returns 0, or -1 for a usage error, of
 * which only some were told yet. The args are all 0 before.
 */
int	 explain_args_take(struct explain_args *, char **operands, int has_command);
void	 explain_args_free(struct explain_args *);

/* pipemilter/explain_play.c: which handlers would be asked of what in one session. */
void	 explain_play(const struct conf *, const struct mta_plan *);

#endif
