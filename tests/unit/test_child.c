/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/child.h: who is found, counted and ended. */

#include "base/compat.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/child.h"
#include "base/mono.h"
#include "tap.h"

/* A process that leads a group and waits for a signal. */
static pid_t
sleeper(int ignore_term)
{
	int	 ready[2];
	char	 c;
	pid_t	 pid;

	if (pipe(ready) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		(void)setsid();
		if (ignore_term)
			(void)signal(SIGTERM, SIG_IGN);
		(void)!write(ready[1], "", 1);
		for (;;)
			(void)pause();
	}
	if (read(ready[0], &c, 1) != 1)
		abort();
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* The signal that ended it. */
static int
reaped(pid_t pid)
{
	int	 status;

	if (waitpid(pid, &status, 0) != pid)
		abort();
	child_remove(child_by_pid(pid));
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int
is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void
test_table(void)
{
	child_add(0, 7, 1000001, 0);
	child_add(1, 7, 1000002, 0);
	child_add(1, 8, 1000003, 1);
	CHECK(child_by_id(0, 7)->pid == 1000001 && child_by_id(1, 7)->pid == 1000002,
	    "an id means another process to another engine");
	CHECK(child_by_id(0, 8) == NULL && child_by_id(2, 7) == NULL, "or none");
	CHECK(child_by_pid(1000003)->id == 8 && child_by_pid(1) == NULL, "found by pid");
	CHECK(child_count() == 3 && child_count_handler(0) == 2 && child_count_handler(1) == 1,
	    "counted by handler, of all engines");
	CHECK(child_count_handler_of(0, 0) == 1 && child_count_handler_of(0, 1) == 0,
	    "and of one of them");
	child_remove(child_by_pid(1000001));
	child_remove(child_by_pid(1000002));
	child_remove(child_by_pid(1000003));
	CHECK(child_count() == 0 && child_count_handler(0) == 0, "and removed");
}

static void
test_one_engine(void)
{
	pid_t	 a = sleeper(0), b = sleeper(1), other = sleeper(0);

	child_add(0, 1, a, 0);
	child_add(0, 2, b, 0);
	child_add(1, 1, other, 0);
	child_end_engine(0, 1000, 500);
	CHECK(reaped(a) == SIGTERM, "who was of the engine gets TERM");
	CHECK(child_by_id(0, 2) == NULL && child_by_pid(b)->orphan, "and is an orphan");
	CHECK(child_count_handler(0) == 1, "which doesn't count any more");
	CHECK(child_run_timers(1499) == 1500 && is_alive(b), "it may take its time");
	CHECK(child_run_timers(1500) == 1500 + CHILD_DEAD_MS && reaped(b) == SIGKILL,
	    "until it gets KILL");
	CHECK(child_by_id(1, 1) != NULL && is_alive(other), "another engine's lives on");
	child_end_all(2000, 0);
	CHECK(reaped(other) == SIGKILL, "until all are ended");
}

/* Nobody reaps it here, as if the kernel did not let it go. */
static void
test_unkillable(void)
{
	pid_t	 pid = sleeper(0);

	child_add(0, 3, pid, 0);
	child_end_all(1000, 0);
	CHECK(child_count() == 1 && child_run_timers(1000 + CHILD_DEAD_MS - 1) != MONO_NEVER,
	    "who was killed is waited for");
	CHECK(child_run_timers(1000 + CHILD_DEAD_MS) == MONO_NEVER && child_count() == 0,
	    "for a while");
	child_end_all(9000, 0);
	(void)child_run_timers(9000 + CHILD_DEAD_MS);
	CHECK(child_count() == 0, "and given up once");
	CHECK(reaped(pid) == SIGKILL && child_by_pid(pid) == NULL && child_count() == 0,
	    "it may end yet");
}

int
main(void)
{
	test_table();
	test_unkillable();
	test_one_engine();
	return tap_done();
}
