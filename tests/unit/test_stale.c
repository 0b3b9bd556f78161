/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/stale.h: which changes of files are seen. */

#include "base/compat.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/stale.h"
#include "tap.h"

static char	 directory[] = "/tmp/test_stale.XXXXXX";
static char	 program[64], script[64], other[64];

static void
write_file(const char *path, const char *text)
{
	FILE	*f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
}

static void
move(const char *from, const char *to)
{
	if (rename(from, to) == -1)
		abort();
}

static void
test_changes(struct stale *s)
{
	struct timespec	 past[2] = { { 1, 0 }, { 1, 0 } };

	stale_remember(s);
	CHECK(!stale_check(s), "nothing has changed");
	write_file(script, "longer");
	CHECK(stale_check(s), "the argument has");
	CHECK(!stale_check(s), "once");
	write_file(other, "same 1");
	stale_remember(s);
	move(other, program);
	CHECK(stale_check(s), "another file has the program's name");
	(void)utimensat(AT_FDCWD, program, past, 0);
	CHECK(stale_check(s), "its time was set");
	write_file(script, "x");
	stale_remember(s);
	CHECK(!stale_check(s), "what was remembered anew is no change");
}

static void
test_missing(struct stale *s)
{
	stale_remember(s);
	move(script, other);
	CHECK(!stale_check(s) && !stale_check(s), "a file that is missing is no change yet");
	write_file(script, "new");
	CHECK(stale_check(s) && !stale_check(s), "a new one in its place is");
	(void)unlink(script);
	stale_remember(s);
	CHECK(!stale_check(s), "missing when the process was started");
	write_file(script, "there");
	CHECK(stale_check(s), "there later on");
	(void)unlink(script);
	if (mkdir(script, 0700) == -1)
		abort();
	CHECK(!stale_check(s), "a directory is none of the files");
	(void)rmdir(script);
}

static void
test_matters(struct handler_conf *h)
{
	char	**command = h->command;

	CHECK(!stale_matters(h), "a process an event");
	h->reuse = 1;
	CHECK(stale_matters(h), "reuse");
	h->reuse = 0;
	h->scope = SCOPE_MESSAGE;
	CHECK(stale_matters(h), "a scope of message");
	h->scope = SCOPE_EVENT;
	h->processes_min = 1;
	CHECK(stale_matters(h), "started ahead");
	h->command = NULL;
	CHECK(!stale_matters(h), "hooks are a process an event");
	h->command = command;
}

int
main(void)
{
	struct handler_conf	 h;
	char			 relative[] = "stale.h", *argv[] = { program, relative, script,
	    NULL };
	struct stale		*s;

	if (mkdtemp(directory) == NULL)
		abort();
	(void)snprintf(program, sizeof(program), "%s/program", directory);
	(void)snprintf(script, sizeof(script), "%s/script", directory);
	(void)snprintf(other, sizeof(other), "%s/other", directory);
	write_file(program, "same 0");
	write_file(script, "short");
	memset(&h, 0, sizeof(h));
	h.command = argv;
	s = stale_new(&h);
	test_changes(s);
	test_missing(s);
	test_matters(&h);
	stale_free(s);
	(void)unlink(program);
	(void)unlink(other);
	(void)rmdir(directory);
	return tap_done();
}
