/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/stale.h: which changes of files are seen. */

#include "base/compat.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/stale.h"
#include "system/spawn.h"
#include "tap.h"

static char	 directory[] = "/tmp/test_stale.XXXXXX";
static char	 program[64], script[64], other[64], relative[] = "stale.h";
static char	*command[] = { program, relative, script, NULL };

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

/* Has its files looked at by pipemilter-start. */
static void
look(struct stale *s, spawn_seen *seen)
{
	struct spawned	 sp;
	struct pollfd	 pfd;

	if (spawn_look(command, &sp) == -1)
		abort();
	while (spawn_status(&sp, seen, s) == 0) {
		pfd.fd = sp.notes;
		pfd.events = POLLIN;
		(void)poll(&pfd, 1, 10000);
	}
	(void)waitpid(sp.pid, NULL, 0);
}

static void
remember(struct stale *s)
{
	look(s, stale_remember);
}

static void
compare(void *s, uint32_t index, const struct file_look *l)
{
	stale_compare(s, index, l);
}

static int
check(struct stale *s)
{
	stale_begin(s);
	look(s, compare);
	return stale_changed(s);
}

static void
test_changes(struct stale *s)
{
	struct timespec	 past[2] = { { 1, 0 }, { 1, 0 } };

	remember(s);
	CHECK(!check(s), "nothing has changed");
	write_file(script, "longer");
	CHECK(check(s), "the argument has");
	CHECK(!check(s), "once");
	write_file(other, "same 1");
	remember(s);
	move(other, program);
	CHECK(check(s), "another file has the program's name");
	(void)utimensat(AT_FDCWD, program, past, 0);
	CHECK(check(s), "its time was set");
	write_file(script, "x");
	remember(s);
	CHECK(!check(s), "what was remembered anew is no change");
	write_file(script, "while it is looked at");
	stale_begin(s);
	remember(s);
	write_file(script, "y");
	look(s, compare);
	CHECK(!stale_changed(s), "a look that was begun before a start says nothing");
	remember(s);
}

/* The first look of a process may come after a look that begins later. */
static void
test_slow_start(struct handler_conf *h)
{
	struct stale	*s = stale_new(h);

	write_file(script, "slow");
	stale_await(s);
	CHECK(!check(s), "nothing to compare with yet");
	write_file(script, "before it looks");
	remember(s);
	CHECK(!check(s), "what the process was made of");
	write_file(script, "after it");
	CHECK(check(s), "a change after a slow start");
	stale_await(s);
	write_file(script, "for a new process");
	CHECK(!check(s), "a new process is not made of older files");
	write_file(script, "a start that failed");
	CHECK(check(s), "a change after a start that told nothing");
	stale_free(s);
}

static void
test_missing(struct stale *s)
{
	remember(s);
	move(script, other);
	CHECK(!check(s) && !check(s), "a file that is missing is no change yet");
	write_file(script, "new");
	CHECK(check(s) && !check(s), "a new one in its place is");
	(void)unlink(script);
	remember(s);
	CHECK(!check(s), "missing when the process was started");
	write_file(script, "there");
	CHECK(check(s), "there later on");
	(void)unlink(script);
	if (mkdir(script, 0700) == -1)
		abort();
	CHECK(!check(s), "a directory is none of the files");
	(void)rmdir(script);
}

static void
test_matters(struct handler_conf *h)
{
	char	**had = h->command;

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
	h->command = had;
}

int
main(void)
{
	struct handler_conf	 h;
	struct stale		*s;

	if (spawn_setup("./" STARTER_NAME) == -1)
		return 99;
	if (mkdtemp(directory) == NULL)
		abort();
	(void)snprintf(program, sizeof(program), "%s/program", directory);
	(void)snprintf(script, sizeof(script), "%s/script", directory);
	(void)snprintf(other, sizeof(other), "%s/other", directory);
	write_file(program, "same 0");
	write_file(script, "short");
	memset(&h, 0, sizeof(h));
	h.command = command;
	s = stale_new(&h);
	test_changes(s);
	test_missing(s);
	test_slow_start(&h);
	test_matters(&h);
	stale_free(s);
	(void)unlink(program);
	(void)unlink(other);
	(void)rmdir(directory);
	return tap_done();
}
