/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/daemon.h: going to the background, and the pid file.
 */
#ifndef PM_STARTUP_DAEMON_H
#define PM_STARTUP_DAEMON_H

/* Makes sure that descriptors 0 to 2 are open, before anything else is opened. */
void	 daemon_open_stdio(void);
/* All three on /dev/null. */
void	 daemon_null_stdio(void);

/*
 * Opens and locks the pid file, before daemon_start(), so that errors are
 * seen; it is written once the pid is known. Returns 0, or -1, logged.
 */
int	 daemon_pidfile_open(const char *path);
void	 daemon_pidfile_write(void);
void	 daemon_pidfile_remove(void);
/* In each forked child: the lock is not its own. */
void	 daemon_pidfile_forget(void);

/*
 * Goes to the background. The process that was started stays and waits, shows
 * the errors that are logged from here on, and exits when the daemon is ready
 * (0) or has ended (1). Returns, in the daemon, the descriptor for
 * daemon_ready().
 */
int	 daemon_start(void);
/* Lets the waiting process go; 0 to 2 are on /dev/null then. -1: nobody waits. */
void	 daemon_ready(int fd);

#endif
