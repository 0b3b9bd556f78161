/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/within.c: what touches files of another user, or runs as one, can be stopped
 * by that user, or wait for a file system of that user. Another process does it.
 */
#include "base/compat.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "base/within.h"

/* 1 when all ends of the pipe in other processes are closed, 0 after ms. */
static int
wait_for_end(int fd, unsigned int ms)
{
	struct pollfd		 pfd = { .fd = fd, .events = POLLIN };
	struct mono_wait	 w;
	int			 ret, slice;

	mono_wait_begin(&w, ms);
	do {
		slice = mono_wait_slice(&w);
		ret = poll(&pfd, 1, slice);
	} while ((ret == -1 && errno == EINTR) || (ret == 0 && slice > 0));
	return ret == 1;
}

static int
status_of(pid_t pid)
{
	int	 status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	errno = EIO;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * What hangs in the kernel does not end when it is killed. Whoever waits for the end of
 * a pipe, or for a lock, must not wait for that.
 */
static void
keep_only(int fd)
{
	if (dup2(fd, STDIN_FILENO) == -1)
		_exit(127);
	closefrom(STDIN_FILENO + 1);
	(void)open("/dev/null", O_WRONLY);
	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
}

int
within(unsigned int ms, int kill_it, int (*fn)(void *), void *arg)
{
	int	 fds[2], ended, error;
	pid_t	 pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		if (kill_it)
			keep_only(fds[1]);
		_exit(fn(arg));
	}
	error = errno;
	(void)close(fds[1]);
	ended = pid == -1 || wait_for_end(fds[0], ms);
	(void)close(fds[0]);
	errno = error;
	if (pid == -1)
		return -1;
	if (ended)
		return status_of(pid);
	if (kill_it)
		(void)kill(pid, SIGKILL);
	errno = ETIMEDOUT;
	return -1;
}

int
within_copy(unsigned int ms, int (*fn)(void *), void *arg, size_t size)
{
	void	*shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int	 ret, error;

	if (shared == MAP_FAILED)
		return -1;
	memcpy(shared, arg, size);
	ret = within(ms, 1, fn, shared);
	error = errno;
	memcpy(arg, shared, size);
	(void)munmap(shared, size);
	errno = error;
	return ret;
}
