/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/guard.c: a process that does nothing until the supervisor has ended.
 *
 * A handler itself gets KILL from the kernel then (pipemilter_start.c), but not what
 * it has started in its group. The groups stand in memory that the supervisor
 * shares with the guard alone: an engine could have any process killed by it.
 */
#include "base/compat.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "startup/daemon.h"
#include "supervisor/guard.h"

static pid_t	*groups;	/* 0: free */
static size_t	 ngroups, last;
static pid_t	 guard = -1;

static void wait_for_end(pid_t) NO_RETURN;

static void
wait_for_end(pid_t supervisor)
{
	sigset_t	 all;
	size_t		 i;
	int		 sig;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
	/* What reaches all processes of a terminal is no end. */
	while (getppid() == supervisor)
		(void)sigwait(&all, &sig);
	for (i = 0; i < ngroups; i++)
		if (groups[i] > 1)
			(void)kill(-groups[i], SIGKILL);
	_exit(0);
}

static int
make_groups(size_t max)
{
	void	*p = mmap(NULL, max * sizeof(*groups), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		log_warn("mmap");
		return -1;
	}
	groups = p;
	ngroups = max;
	return 0;
}

int
guard_start(size_t max, int quiet)
{
	const pid_t	 us = getpid();

	if (groups == NULL && make_groups(max) == -1)
		return -1;
	(void)madvise(groups, ngroups * sizeof(*groups), MADV_DOFORK);
	guard = fork();
	if (guard == 0) {
		if (quiet)
			daemon_null_stdio();
		closefrom(STDERR_FILENO + 1);
		setproctitle("guard");
		wait_for_end(us);
	}
	if (guard == -1)
		log_warn("fork of the guard");
	(void)madvise(groups, ngroups * sizeof(*groups), MADV_DONTFORK);
	return guard == -1 ? -1 : 0;
}

int
guard_is(pid_t pid)
{
	return pid == guard;
}

void
guard_stop(void)
{
	if (guard == -1)
		return;
	(void)kill(guard, SIGKILL);
	while (waitpid(guard, NULL, 0) == -1 && errno == EINTR)
		;
	guard = -1;
}

int
guard_add(pid_t pid)
{
	size_t	 i;

	for (i = 0; i < ngroups; i++) {
		last = (last + 1) % ngroups;
		if (groups[last] == 0) {
			groups[last] = pid;
			return (int)last;
		}
	}
	return -1;
}

void
guard_remove(int place)
{
	if (place != -1)
		groups[place] = 0;
}
