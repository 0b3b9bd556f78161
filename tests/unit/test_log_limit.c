/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* base/log_limit.h */

#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/mono.h"
#include "tap.h"

static char		 last[256];
static unsigned int	 lines;

static void
note(int severity __unused, const char *line)
{
	(void)snprintf(last, sizeof(last), "%s", line);
	lines++;
}

static void
flood(const char *about, const char *kind, unsigned int n)
{
	while (n-- > 0)
		log_limited(about, kind, LOG_WARNING, NULL, "line %u", n);
}

static void
flood_bugs(unsigned int n)
{
	while (n-- > 0)
		log_bug(NULL, "bug %u", n);
}

int
main(void)
{
	static const char	 about[] = "a", other[] = "b",
				 kind[] = "failures of handler";
	uint64_t		 next;

	log_set_hook(note);
	CHECK(log_limit_tell(mono_ms()) == MONO_NEVER, "nothing has to be told");
	flood(about, kind, LOG_LIMIT_LINES);
	CHECK(lines == LOG_LIMIT_LINES, "as many lines as the limit are written");
	CHECK(log_limit_tell(mono_ms()) == MONO_NEVER, "and none was left out");
	flood(about, kind, 1000);
	CHECK(lines == LOG_LIMIT_LINES, "no more are written");
	log_limited(other, kind, LOG_WARNING, NULL, "line");
	CHECK(lines == LOG_LIMIT_LINES + 1, "lines about another thing are");
	log_limited(about, "stderr", LOG_WARNING, "5f.1", "line");
	CHECK_STR(last, "5f.1: line", "lines of another kind are");
	log_limited(about, "debug", LOG_DEBUG, NULL, "line");
	CHECK(lines == LOG_LIMIT_LINES + 2, "a line below the log level is not");
	next = log_limit_tell(mono_ms());
	CHECK(next != MONO_NEVER && lines == LOG_LIMIT_LINES + 2, "the count is told later");
	CHECK(log_limit_tell(next) == MONO_NEVER, "when the span is over");
	CHECK_STR(last, "1000 more lines about failures of handler a were left out", "in one line");
	flood(about, kind, LOG_LIMIT_LINES + 5);
	CHECK(lines == 2 * LOG_LIMIT_LINES + 3, "then as many lines are written again");
	log_limit_tell(mono_ms() + LOG_LIMIT_SPAN);
	lines = 0;
	log_seldom(about, "slow answers of handler", LOG_WARNING, "5f.1", "first");
	log_seldom(about, "slow answers of handler", LOG_WARNING, NULL, "second");
	log_seldom(about, "slow answers of handler", LOG_WARNING, NULL, "third");
	CHECK(lines == 1, "of some lines one is enough");
	CHECK_STR(last, "5f.1: first", "the first");
	next = log_limit_tell(mono_ms());
	CHECK(next <= mono_ms() + LOG_LIMIT_SELDOM_SPAN && log_limit_tell(next) == MONO_NEVER,
	    "a second later the others are counted");
	CHECK_STR(last, "2 more lines about slow answers of handler a were left out",
	    "in one line");
	lines = 0;
	log_bug("5f.1", "%d tasks", 2);
	CHECK_STR(last, "5f.1: BUG: 2 tasks", "a fault of our own says so");
	flood_bugs(1000);
	CHECK(lines == LOG_LIMIT_LINES, "such lines are limited too");
	log_limit_tell(mono_ms() + LOG_LIMIT_SPAN);
	CHECK_STR(last, "951 more lines about faults of pipemilter were left out", "and counted");
	return tap_done();
}
