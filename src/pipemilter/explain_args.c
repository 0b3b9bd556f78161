/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/explain_args.c: a command line with a session to explain.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipemilter/explain.h"
#include "base/log.h"
#include "mta/plan_options.h"
#include "base/xmalloc.h"

static size_t
list_length(char **args)
{
	size_t	 n = 0;

	while (args[n] != NULL)
		n++;
	return n;
}

/*
 * Returns a list of name and the first n of args that ends with NULL; free(3)
 * the list.
 */
static char **
list_of(char *name, char **args, size_t n)
{
	char	**list = xcalloc(n + 2, sizeof(*list));

	list[0] = name;
	memcpy(list + 1, args, n * sizeof(*list));
	return list;
}

/* The last operand that is `--', or NULL. */
static char **
last_dashes(char **operands)
{
	char	**p, **last = NULL;

	for (p = operands; *p != NULL; p++)
		if (strcmp(*p, "--") == 0)
			last = p;
	return last;
}

/* Makes a message that has something of each kind and is small enough for any limit. */
static void
make_message(struct mta_plan *plan)
{
	static const char	 text[] = "Subject: test\n\ntest\n";
	const char		*why;

	if (mta_message_parse(&plan->message, text, sizeof(text) - 1, &why) == -1)
		fatalx("the message: %s", why);
}

static int
take_session_options(struct mta_plan *plan, char **argv)
{
	const char	*host = NULL;
	int		 argc = (int)list_length(argv), ch;

	optind = optreset = 1;
	while ((ch = getopt(argc, argv, "+" MTA_PLAN_OPTIONS)) != -1)
		if (optarg == NULL || strlen(optarg) > MTA_MAX_ARG ||
		    !mta_plan_option(plan, &host, ch, optarg))
			return -1;
	if (argv[optind] != NULL)
		return -1;
	mta_plan_complete(plan, host);
	make_message(plan);
	return 0;
}

int
explain_args_take(struct explain_args *a, char **operands, int has_command)
{
	static char	 name[] = "pipemilter";
	char		**options = operands;
	size_t		 before = 0;

	if (has_command) {
		if ((options = last_dashes(operands)) == NULL)
			options = operands + list_length(operands);
		before = (size_t)(options - operands);
		options += *options != NULL;
	} else if (operands[0] != NULL && strcmp(operands[-1], "--") != 0)
		return -1;
	a->options = list_of(name, options, list_length(options));
	a->command = list_of(name, operands, before) + 1;
	mta_plan_default(&a->plan);
	return take_session_options(&a->plan, a->options);
}

void
explain_args_free(struct explain_args *a)
{
	if (a->options == NULL)
		return;
	free(a->options);
	free(a->command - 1);
	mta_plan_free(&a->plan);
}
