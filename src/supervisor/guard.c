/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/guard.c: a process that does nothing until the supervisor has ended.
 *
 * A handler itself gets KILL from the kernel then (pipemilter_start.c), but not what
 * it has started in its group. An engine that works gives its last answers, and ends; one
 * that is stuck, or was taken over, would stay, with the listening sockets. All of them
 * stand in memory that the supervisor shares with the guard alone: an engine could have any
 * process killed by it.
 */
#include "base/compat.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "startup/daemon.h"
#include "supervisor/guard.h"

#define ANSWER_MS	2000	/* that engines have to write their last answers */

struct guarded {
	pid_t	 pid;		/* 0: free */
	int	 is_engine;	/* 0: a handler, and so a process group */
	int	 fd;		/* of an engine, when the supervisor has ended */
};

static struct guarded	*all;
static size_t		 nall, last;
static pid_t		 guard = -1;

static void wait_for_end(pid_t) NO_RETURN;

/*
 * Holds on to the process, so that its number can't come to stand for another. Kernels
 * before 5.3 can't.
 */
static void
hold(struct guarded *g)
{
#ifdef SYS_pidfd_open
	g->fd = (int)syscall(SYS_pidfd_open, g->pid, 0);
	if (g->fd == -1 && errno == ESRCH)
		g->pid = 0;
#else
	g->fd = -1;
#endif
}

/* Waits until the process has ended, or that time is over. */
static void
end_engine(const struct guarded *g, struct mono_wait *w)
{
	struct pollfd	 pfd = { .fd = g->fd, .events = POLLIN };
	int		 ret, slice;

	do {
		slice = mono_wait_slice(w);
		ret = poll(&pfd, 1, slice);
	} while ((ret == -1 && errno == EINTR) || (ret == 0 && slice > 0));
#ifdef SYS_pidfd_send_signal
	if (g->fd != -1) {
		(void)syscall(SYS_pidfd_send_signal, g->fd, SIGKILL, NULL, 0);
		return;
	}
#endif
	(void)kill(g->pid, SIGKILL);
}

static void
end_all(void)
{
	struct mono_wait	 w;
	size_t			 i;

	mono_wait_begin(&w, ANSWER_MS);
	for (i = 0; i < nall; i++)
		if (all[i].pid > 1 && all[i].is_engine)
			hold(&all[i]);
		else if (all[i].pid > 1)
			(void)kill(-all[i].pid, SIGKILL);
	for (i = 0; i < nall; i++)
		if (all[i].pid > 1 && all[i].is_engine)
			end_engine(&all[i], &w);
}

static void
wait_for_end(pid_t supervisor)
{
	sigset_t	 set;
	int		 sig;

	sigfillset(&set);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
	/* What reaches all processes of a terminal is no end. */
	while (getppid() == supervisor)
		(void)sigwait(&set, &sig);
	end_all();
	_exit(0);
}

static int
make_room(size_t max)
{
	void	*p = mmap(NULL, max * sizeof(*all), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		log_warn("mmap");
		return -1;
	}
	all = p;
	nall = max;
	return 0;
}

int
guard_start(size_t max, int quiet)
{
	const pid_t	 us = getpid();

	if (all == NULL && make_room(max) == -1)
		return -1;
	(void)madvise(all, nall * sizeof(*all), MADV_DOFORK);
	guard = fork();
	if (guard == 0) {
		if (quiet)
			daemon_null_stdio();
		closefrom(STDERR_FILENO + 1);
		/* A signal to the supervisor's group is none to this process. */
		(void)setsid();
		setproctitle("guard");
		wait_for_end(us);
	}
	if (guard == -1)
		log_warn("fork of the guard");
	(void)madvise(all, nall * sizeof(*all), MADV_DONTFORK);
	return guard == -1 ? -1 : 0;
}

/* The guard that is there has the old memory, so another takes its place. */
int
guard_grow(size_t max, int quiet)
{
	struct guarded	*old = all;
	const size_t	 nold = nall;
	const pid_t	 pid = guard;

	if (max <= nall)
		return 0;
	if (make_room(max) == -1)
		return -1;
	memcpy(all, old, nold * sizeof(*all));
	if (guard_start(max, quiet) == -1) {
		(void)munmap(all, nall * sizeof(*all));
		all = old;
		nall = nold;
		guard = pid;
		return -1;
	}
	(void)munmap(old, nold * sizeof(*all));
	/* It is reaped as any child that is no longer known. */
	if (pid != -1)
		(void)kill(pid, SIGKILL);
	return 0;
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

static int
add(pid_t pid, int is_engine)
{
	size_t	 i;

	for (i = 0; i < nall; i++) {
		last = (last + 1) % nall;
		if (all[last].pid == 0) {
			all[last].is_engine = is_engine;
			all[last].pid = pid;
			return (int)last;
		}
	}
	return -1;
}

int
guard_add(pid_t pid)
{
	return add(pid, 0);
}

int
guard_add_engine(pid_t pid)
{
	return add(pid, 1);
}

void
guard_remove(int place)
{
	if (place != -1)
		all[place].pid = 0;
}
