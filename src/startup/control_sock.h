/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/control_sock.h: the socket that pipemilterctl(8) connects to.
 */
#ifndef PM_STARTUP_CONTROL_SOCK_H
#define PM_STARTUP_CONTROL_SOCK_H

#include "config/conf.h"

/*
 * Opens it: listening, close-on-exec and non-blocking. Sets *fd, to -1 where there is to be
 * none. One that the configuration does not name is done without, with a warning, if it can't be
 * opened. Returns 0, or -1, logged.
 */
int	 control_sock_open(const struct conf *, int *fd);
/* Removes its file, if it is still the one that was made. The descriptor stays. */
void	 control_sock_remove(void);

#endif
