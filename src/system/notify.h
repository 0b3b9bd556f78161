/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/notify.h: tells a service manager how we are, as sd_notify(3) does. Without
 * a service manager that listens all calls do nothing.
 */
#ifndef PM_SYSTEM_NOTIFY_H
#define PM_SYSTEM_NOTIFY_H

#include "base/compat.h"

/*
 * Takes NOTIFY_SOCKET out of the environment, and remembers its value. Call it before
 * anything reads the environment, or forks.
 */
void	 notify_take(void);
/*
 * Sends one message: lines of NAME=VALUE, without a line feed at the end (sd_notify(3),
 * "Well-known assignments"). The service manager gets a copy of fd, unless it is -1. Waits
 * some seconds if it does not read. Returns 1 if the message was sent, 0 if nobody
 * listens, or -1, logged.
 */
int	 notify_send(int fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * Waits until the service manager has done what the messages before say, some seconds at
 * most (sd_notify(3), BARRIER).
 */
void	 notify_wait(void);
/* In a forked process that has nothing to tell: forgets where the service manager listens. */
void	 notify_forget(void);

#endif
