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

#define EXIT_WHY	64	/* bytes of why, with its NUL */

/*
 * Fills in a result from a status as wait(2) has it. The cause of a failure is written into
 * why, which must live as long as the result. The result keeps what the status does not say;
 * its smtp is the configuration's and not to be freed.
 */
void	 exit_status_verdict(const struct handler_conf *, int status,
	    struct task_result *, char *why);
/* The same for a report, which fails by a signal only. */
void	 exit_status_report(int status, struct task_result *, char *why);

/* Writes "ended by signal 9 (Killed)" or "ended with status 3". */
void	 exit_status_text(int status, char *why);

/* 1 if on-exit has a rule for this exit status itself, 0 to 255. */
int	 exit_status_is_named(const struct handler_conf *, int code);

#endif
