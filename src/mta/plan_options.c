/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/plan_options.c: the options that describe the session to play.
 */
#include "base/compat.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "milter/proto.h"
#include "mta/plan_options.h"

#define MAX_SECONDS	86400

void
mta_plan_default(struct mta_plan *plan)
{
	const char	*why;

	memset(plan, 0, sizeof(*plan));
	TAILQ_INIT(&plan->message.headers);
	mta_plan_offer(plan, MILTER_VERSION);
	mta_address_set(&plan->sender, "sender@example.org");
	(void)mta_plan_client(plan, "192.0.2.1", &why);
	plan->helo = "client.example.org";
}

void
mta_plan_complete(struct mta_plan *plan, const char *host)
{
	if (host != NULL)
		plan->host = host;
	if (plan->nrcpts == 0)
		mta_plan_add_rcpt(plan, "recipient@example.net");
}

size_t
mta_number(int option, const char *text, long long max)
{
	const char	*why;
	long long	 n = strtonum(text, 1, max, &why);

	if (why != NULL)
		errx(MTA_EXIT_USAGE, "-%c %s: %s, expected a number from 1 to %lld",
		    option, text, why, max);
	return (size_t)n;
}

static void
take_version(struct mta_plan *plan, const char *text)
{
	const char	*why;
	long long	 n = strtonum(text, MILTER_VERSION_MIN, MILTER_VERSION, &why);

	if (why != NULL)
		errx(MTA_EXIT_USAGE, "-P %s: %s, expected a version from %d to %d",
		    text, why, MILTER_VERSION_MIN, MILTER_VERSION);
	mta_plan_offer(plan, (uint32_t)n);
}

int
mta_plan_option(struct mta_plan *plan, const char **host, int ch, const char *arg)
{
	const char	*why;

	switch (ch) {
	case 'f':
		mta_address_set(&plan->sender, arg);
		return 1;
	case 'r':
		mta_plan_add_rcpt(plan, arg);
		return 1;
	case 'c':
		if (mta_plan_client(plan, arg, &why) == -1)
			errx(MTA_EXIT_USAGE, "-c %s: expected %s", arg, why);
		return 1;
	case 'h':
		*host = arg;
		return 1;
	case 'H':
		plan->helo = arg;
		return 1;
	case 'm':
		if (mta_plan_add_macro(plan, arg) == -1)
			errx(MTA_EXIT_USAGE, "-m %s: expected NAME=VALUE", arg);
		return 1;
	case 'P':
		take_version(plan, arg);
		return 1;
	case 't':
		plan->timeout = (unsigned int)mta_number(ch, arg, MAX_SECONDS);
		return 1;
	default:
		return 0;
	}
}
