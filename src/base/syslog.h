/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/syslog.h: lines for the system's log, as datagrams to /dev/log. syslog(3)
 * would wait for room there, and needs socket(2) and connect(2) whenever the
 * receiver is started again. Nothing here waits: what can't be sent is kept, up to
 * a limit, and what finds no room there is counted, and the count is logged
 * before the next line that finds room.
 */
#ifndef PM_BASE_SYSLOG_H
#define PM_BASE_SYSLOG_H

#include "base/compat.h"

/*
 * For this process: opens a socket of its own. program must live on. Without a
 * receiver lines are kept, and each line tries to connect again.
 */
void	 syslog_init(const char *program, int facility);
void	 syslog_close(void);
/* Lines have this facility from now on. */
void	 syslog_change(int facility);

/*
 * A socket for another process, which hands it to syslog_adopt() after the fork;
 * -1: there is none to be had, or nothing goes to syslog here. It need not
 * be connected yet.
 */
int	 syslog_socket(void);
/* Connects such a socket, which may be connected already. Returns 0 or -1 with errno. */
int	 syslog_connect(int fd);
/*
 * This process logs through fd (-1: the socket of its parent) from now on, and
 * leaves connecting to the process that has given it. What its parent had kept
 * is not its own.
 */
void	 syslog_adopt(int fd);
/* 1: nobody receives what is sent, so that process has to connect again. */
int	 syslog_is_cut(void);

/* How many lines this process has lost so far. */
unsigned long	 syslog_lost(void);

/* Sends a line, without a line feed, or keeps it. */
void	 syslog_line(int severity, const char *text);
/* Sends what is kept, as far as there is room. Returns 1 if anything is left. */
int	 syslog_flush(void);
/* The same, and waits for room, but no longer than ms: before the process ends. */
void	 syslog_drain(int ms);

#endif
