/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/log.h: one line for each call, to syslog or standard error. Every line
 * as a whole goes through vis(3), so a text from the network or a handler may
 * be an argument, but never the format. errno survives each call.
 */
#ifndef PM_BASE_LOG_H
#define PM_BASE_LOG_H

#include <stdarg.h>
#include <syslog.h>

#include "base/compat.h"

/* Severities are those of syslog(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG. */

/*
 * Lines go to standard error (to_stderr) or to syslog (base/syslog.h) under facility.
 * Lines above level are dropped. Before the first call: stderr, LOG_INFO. Where standard
 * error goes to the journal of systemd, its lines begin with "<SEVERITY>".
 */
void	log_init(const char *program, int to_stderr, int facility, int level);
/* Other values for two of these; the place where lines go stays. */
void	log_change(int facility, int level);
/* Names this process ("supervisor", "engine") in lines on stderr; NULL: none. */
void	log_procinit(const char *role);
/* The level of log_init(). */
int	log_level(void);
/* 1 if lines of this severity are written or watched. Saves the work of making one that is not. */
int	log_enabled(int severity);
/*
 * Lines at LOG_ERR go to this descriptor too, so that the person who starts a
 * daemon sees why it does not start. -1: off.
 */
void	log_echo(int fd);

/*
 * Lines are also given to this function, before anything in them is encoded; NULL: off. It must not
 * log.
 */
void	log_tee(void (*fn)(int severity, const char *text));

/*
 * If ids is neither NULL nor "", the line begins with ids ("SESSION QUEUE-ID")
 * and ": ".
 */
void	log_msg(int severity, const char *ids, const char *fmt, ...) PRINTF_LIKE(3, 4);
void	log_vmsg(int severity, const char *ids, const char *fmt, va_list ap)
	    PRINTF_LIKE(3, 0);

/* ms that a process which ends waits for room for what it logged: syslog_drain(). */
#define LOG_LAST_WORDS	500

/* log_warn and fatal add ": " and strerror(errno). */
void	log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void	log_warnx(const char *fmt, ...) PRINTF_LIKE(1, 2);
void	log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void	log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * fatal: the system failed us; fatalx: an invariant of ours is broken, and not that of
 * one session or one handler process alone, for which log_bug() of base/log_limit.h is.
 * Both log and exit 1.
 */
void	fatal(const char *fmt, ...) PRINTF_LIKE(1, 2) NO_RETURN;
void	fatalx(const char *fmt, ...) PRINTF_LIKE(1, 2) NO_RETURN;

/*
 * Calls fn with each line about a session at LOG_INFO or above, also if the level drops it;
 * the text is raw, and without the ids. fn must not log. NULL: off.
 */
void	log_watch(void (*fn)(const char *ids, const char *text));
/* For tests: calls hook with each finished line instead of writing it; NULL: off. */
void	log_set_hook(void (*hook)(int severity, const char *line));

#endif
