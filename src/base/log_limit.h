/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/log_limit.h: log lines that a peer or a handler can cause as often as it
 * likes. Of each kind about each thing a number is written in each span of time;
 * the rest is counted, and one line tells the count.
 */
#ifndef PM_BASE_LOG_LIMIT_H
#define PM_BASE_LOG_LIMIT_H

#include <stdint.h>

#include "base/compat.h"

#define LOG_LIMIT_LINES		50	/* of one kind about one thing */
#define LOG_LIMIT_SPAN		10000	/* ms */
#define LOG_LIMIT_SELDOM_SPAN	1000	/* ms */

/*
 * Logs a line as log_msg() does, unless LOG_LIMIT_LINES of this kind about this
 * thing have been logged within LOG_LIMIT_SPAN. kind ("failures of handler") and
 * about ("greylist") are words of the line that tells the count. Both must live as
 * long as the process: the pointer about and the text of kind are the key. Lines that the
 * log level drops do not count.
 */
void	 log_limited(const char *about, const char *kind, int severity, const char *ids,
	    const char *fmt, ...) PRINTF_LIKE(5, 6);
/*
 * The same for lines of which one a second is enough: LOG_LIMIT_SELDOM_SPAN. A kind is for
 * one of the two functions.
 */
void	 log_seldom(const char *about, const char *kind, int severity, const char *ids,
	    const char *fmt, ...) PRINTF_LIKE(5, 6);
/*
 * An invariant of ours is broken, and what is concerned can be ended without the rest of
 * the process: logs "BUG: " and the text, at LOG_ERR, with the same limit. ids: as for
 * log_msg(). The caller ends the session, task or process. If nothing less than the whole
 * process is concerned it is fatalx() of base/log.h.
 */
void	 log_bug(const char *ids, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* 1 if a line was left out whose count was not told yet. */
int	 log_limit_counts(void);
/*
 * Tells the counts of spans that are over at now (ms, of mono_ms()). Returns when
 * the next span is over whose count has to be told, or MONO_NEVER.
 */
uint64_t log_limit_tell(uint64_t now);

#endif
