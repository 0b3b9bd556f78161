/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/daemon.h: goes to the background, and keeps the pid file.
 */
#ifndef PM_STARTUP_DAEMON_H
#define PM_STARTUP_DAEMON_H

#include <stddef.h>

/* Makes sure that descriptors 0 to 2 are open. Call it before anything else is opened. */
void	 daemon_open_stdio(void);
/* Puts descriptors 0 to 2 on /dev/null. */
void	 daemon_null_stdio(void);
/* Standard input and output on /dev/null; standard error stays. */
void	 daemon_null_input_output(void);

/*
 * Writes the path as one that begins with / to out, of size bytes: the daemon leaves the directory
 * that it is started in. Returns 0, or -1 with errno.
 */
int	 daemon_absolute_path(const char *path, char *out, size_t size);
/*
 * Opens and locks the pid file. Call it before daemon_start(), so that errors
 * are seen; daemon_pidfile_write() fills it in when the pid is known. Returns
 * 0, or -1, logged.
 */
int	 daemon_pidfile_open(const char *path);
void	 daemon_pidfile_write(void);
void	 daemon_pidfile_remove(void);
/* Closes the file in a forked child, which does not own the lock. */
void	 daemon_pidfile_forget(void);

/*
 * Goes to the background. The process that was started (the launcher) waits,
 * shows the errors that are logged from now on, and exits when the daemon is
 * ready (0) or has ended (1). Returns, in the daemon, the descriptor for
 * daemon_ready().
 */
int	 daemon_start(void);
/*
 * The start is over: errors are shown no more. Lets the launcher go, and puts descriptors
 * 0 to 2 on /dev/null; not for -1, where there is no launcher.
 */
void	 daemon_ready(int fd);

#endif
