/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/exit_status.h: what the end of a process means where it gave no verdict
 * (pipemilter-handler(7), the option on-exit of pipemilter.conf(5)). Pure.
 */
#ifndef PM_STATE_EXIT_STATUS_H
#define PM_STATE_EXIT_STATUS_H

#include "state/task.h"

#define EXIT_WHY	64	/* bytes that why has */

/*
 * Fills in a result from a status as wait(2) has it. A failure's why is
 * written into the third argument. What else is in the result stays; its smtp
 * is the configuration's, not to be freed.
 */
void	 exit_status_verdict(const struct handler_conf *, int status,
	    struct task_result *, char *why);
/* The same for a report, which only a signal makes fail. */
void	 exit_status_report(int status, struct task_result *, char *why);

/* "ended by signal 9 (Killed)" or "ended with status 3", EXIT_WHY bytes at most. */
void	 exit_status_text(int status, char *why);

/* 1 if on-exit has a rule for this very exit status, 0 to 255. */
int	 exit_status_is_named(const struct handler_conf *, int code);

#endif
