/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* startup/inherit.h. Each case is a process of its own, whose descriptors from 3 on are known. */

#include "base/compat.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/netaddr.h"
#include "startup/inherit.h"
#include "tap.h"

static int	 warnings;

static void
count_line(int severity, const char *line)
{
	(void)severity;
	(void)line;
	warnings++;
}

/* Opens a socket at a port that is free, and says in na which. */
static int
open_socket(struct netaddr *na, int listens)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(na, 0, sizeof(*na));
	na->len = sizeof(na->ss);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    (listens && listen(fd, 1) == -1) ||
	    getsockname(fd, (struct sockaddr *)&na->ss, &na->len) == -1)
		abort();
	return fd;
}

static void
set_variables(pid_t pid, const char *fds, const char *names)
{
	char	 text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	if (setenv("LISTEN_PID", text, 1) == -1 || setenv("LISTEN_FDS", fds, 1) == -1 ||
	    setenv("LISTEN_FDNAMES", names, 1) == -1)
		abort();
}

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static int
variables_are_gone(void)
{
	return getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
	    getenv("LISTEN_FDNAMES") == NULL;
}

/* Descriptor 3 listens, 4 does not, 5 is no socket. Each test returns 0, or the step that failed. */
static int
test_claim(void)
{
	struct netaddr	 listening, bound, other;

	if (open_socket(&listening, 1) != 3 || open_socket(&bound, 0) != 4 || dup(0) != 5)
		return 1;
	other = listening;
	((struct sockaddr_in *)(void *)&other.ss)->sin_port ^= 1;
	set_variables(getpid(), "3", "a:b:c");
	if (inherit_take() != 6 || !variables_are_gone())
		return 2;
	if (inherit_claim(&other) != -1 || inherit_claim(&listening) != 3)
		return 3;
	if ((fcntl(3, F_GETFD) & FD_CLOEXEC) == 0 || (fcntl(3, F_GETFL) & O_NONBLOCK) == 0)
		return 4;
	if (inherit_claim(&listening) != -1)
		return 5;
	/* It is closed at once: its address must be free. */
	if (inherit_claim(&bound) != -1 || is_open(4) || warnings != 0)
		return 6;
	inherit_close_rest();
	return !is_open(3) || is_open(5) || warnings != 1 ? 7 : 0;
}

static int
test_same_address_twice(void)
{
	struct netaddr	 na;

	if (open_socket(&na, 1) != 3 || dup(3) != 4)
		return 1;
	set_variables(getpid(), "2", "");
	if (inherit_take() != 5 || inherit_claim(&na) != 3 || is_open(4))
		return 2;
	inherit_close_rest();
	return !is_open(3) || warnings != 0 ? 3 : 0;
}

static int
takes_nothing(pid_t pid, const char *fds)
{
	struct netaddr	 na;

	if (open_socket(&na, 1) != 3)
		return 1;
	set_variables(pid, fds, "");
	if (inherit_take() != 3 || !variables_are_gone() || inherit_claim(&na) != -1)
		return 2;
	inherit_close_rest();
	return warnings != 0 ? 3 : 0;
}

static int
test_other_process(void)
{
	return takes_nothing(getppid(), "1");
}

static int
test_no_number(void)
{
	return takes_nothing(getpid(), "1x");
}

static int
test_too_many(void)
{
	return takes_nothing(getpid(), "1000000000");
}

/* Fewer are open than the variable says. */
static int
test_not_open(void)
{
	struct netaddr	 na;

	if (open_socket(&na, 1) != 3)
		return 1;
	set_variables(getpid(), "4", "a");
	if (inherit_take() != 7 || inherit_claim(&na) != 3)
		return 2;
	inherit_close_rest();
	return warnings != 0 ? 3 : 0;
}

/* Returns what fn returned in a process of its own. */
static int
apart(int (*fn)(void))
{
	pid_t	 pid = fork();
	int	 status;

	if (pid == 0) {
		closefrom(3);
		_exit(fn());
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int
main(void)
{
	log_set_hook(count_line);
	CHECK(apart(test_claim) == 0, "a socket that listens is claimed by its address");
	CHECK(apart(test_same_address_twice) == 0, "the second of an address is closed");
	CHECK(apart(test_other_process) == 0, "what another process was to get is not taken");
	CHECK(apart(test_no_number) == 0, "what is no number counts as none");
	CHECK(apart(test_too_many) == 0, "more than there can be count as none");
	CHECK(apart(test_not_open) == 0, "a descriptor that is not open is left out");
	return tap_done();
}
