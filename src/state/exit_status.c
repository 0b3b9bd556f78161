/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/exit_status.c: what the end of a process means where it gave no verdict. Pure.
 */
#include "base/compat.h"

#include <sys/wait.h>

#include <stdio.h>
#include <string.h>

#include "state/exit_status.h"

static void
set_failure(struct task_result *r, const char *why)
{
	r->end = TASK_FAILURE;
	r->why = why;
}

void
exit_status_text(int status, char *why)
{
	if (WIFEXITED(status))
		snprintf(why, EXIT_WHY, "ended with status %d", WEXITSTATUS(status));
	else
		snprintf(why, EXIT_WHY, "ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
}

static void
set_signal(struct task_result *r, int status, char *why)
{
	exit_status_text(status, why);
	set_failure(r, why);
}

/* The rule for a status, or NULL. Status -1 stands for all that have none. */
static const struct outcome *
find_rule(const struct handler_conf *h, int code)
{
	size_t	 i;

	for (i = 0; i < h->non_exit; i++)
		if (h->on_exit[i].status == code)
			return &h->on_exit[i].outcome;
	return NULL;
}

int
exit_status_is_named(const struct handler_conf *h, int code)
{
	return find_rule(h, code) != NULL;
}

/* What a status means without a rule. Returns 0 if that is nothing. */
static int
usual_verdict(int code, enum verdict *vd)
{
	if (code == 0)
		*vd = VD_CONTINUE;
	else if (code == 75 || code == 111)
		*vd = VD_TEMPFAIL;
	else if (code == 100)
		*vd = VD_REJECT;
	else
		return 0;
	return 1;
}

void
exit_status_verdict(const struct handler_conf *h, int status, struct task_result *r,
    char *why)
{
	const struct outcome	*o;
	int			 code;

	if (!WIFEXITED(status)) {
		set_signal(r, status, why);
		return;
	}
	r->end = TASK_REPLY;
	code = WEXITSTATUS(status);
	if ((o = find_rule(h, code)) == NULL) {
		if (usual_verdict(code, &r->verdict))
			return;
		o = find_rule(h, -1);
	}
	if (o == NULL) {
		snprintf(why, EXIT_WHY, h->output == OUTPUT_REPLY ?
		    "exit status %d and no verdict" :
		    "exit status %d, which on-exit does not name", code);
		set_failure(r, why);
		return;
	}
	r->verdict = o->verdict;
	r->smtp = o->smtp;
}

void
exit_status_report(int status, struct task_result *r, char *why)
{
	r->end = TASK_REPORTED;
	if (!WIFEXITED(status))
		set_signal(r, status, why);
}
