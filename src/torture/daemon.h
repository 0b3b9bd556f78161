/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/daemon.h: the second half of --torture: mail through a real daemon,
 * whose log says what it thinks of the handler.
 */
#ifndef PM_TORTURE_DAEMON_H
#define PM_TORTURE_DAEMON_H

#include "torture/parts.h"

/* all: also tries every value in a message of its own, and large messages. */
void	 torture_daemon(struct torture *, int all);

#endif
