/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* system/spawn.h: what is left of a start, whether it went well or not. */

#include "base/compat.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "system/pin.h"
#include "system/spawn.h"
#include "tap.h"

static char			 name[] = "h", root[] = "/", missing[] = "/nonexistent/x";
static char			 sh[] = "/bin/sh", dash_c[] = "-c";
static char			 text[] = "read x; echo \"$x$MILTER_EVENT.$PIPEMILTER_HANDLER\"; "
    "echo err >&2; kill -s TERM $$";
static char			*argv[] = { sh, dash_c, text, NULL };
static char			*bad_argv[] = { missing, NULL };
static struct handler_conf	 h;
static volatile sig_atomic_t	 got_signal;

static void
on_signal(int sig __unused)
{
	got_signal++;
}

static int
count_fds(void)
{
	int	 fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* All that comes until its end, as a string of the caller's. */
static const char *
read_all(int fd, char *buf, size_t size)
{
	struct pollfd	 pfd = { fd, POLLIN, 0 };
	size_t		 len = 0;
	ssize_t		 n = 1;

	while (n > 0 && poll(&pfd, 1, 10000) == 1)
		if ((n = read(fd, buf + len, size - 1 - len)) > 0)
			len += (size_t)n;
	buf[len] = '\0';
	return n == 0 ? buf : "no end of file";
}

static void
test_run(const char *env, size_t len, const char *want)
{
	struct spawned	 sp;
	char		 buf[256];
	int		 status, i, before = count_fds();

	CHECK(spawn(&h, NULL, EV_MAIL, env, len, -1, &sp) == 0 && sp.error == 0, "it is started");
	CHECK(getsid(sp.pid) == sp.pid && getpgid(sp.pid) == sp.pid, "in a session of its own");
	for (i = 0; i < 3; i++)
		CHECK((fcntl(sp.fds[i], F_GETFL) & O_NONBLOCK) != 0 &&
		    (fcntl(sp.fds[i], F_GETFD) & FD_CLOEXEC) != 0, "our end of a pipe");
	CHECK(write(sp.fds[0], "in \n", 4) == 4, "it is written to");
	CHECK_STR(read_all(sp.fds[1], buf, sizeof(buf)), want, "it reads, and has variables");
	CHECK_STR(read_all(sp.fds[2], buf, sizeof(buf)), "err\n", "its standard error");
	/* It was ignored and blocked here. */
	CHECK(waitpid(sp.pid, &status, 0) == sp.pid && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGTERM, "its signals are at their default");
	for (i = 0; i < 3; i++)
		close(sp.fds[i]);
	CHECK(count_fds() == before, "no descriptor is left");
}

static void
test_fails(int error, enum ipc_stage stage, const char *what)
{
	struct spawned	 sp;
	int		 before = count_fds();

	CHECK(spawn(&h, NULL, EV_MAIL, NULL, 0, -1, &sp) == -1 && sp.error == error &&
	    sp.stage == stage && sp.pid == -1, what);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, "there is no process");
	CHECK(count_fds() == before && sp.fds[0] == -1 && sp.fds[2] == -1,
	    "nor a descriptor left");
}

static void
test_mask(void)
{
	struct spawned	 sp;
	sigset_t	 before, after;

	sigprocmask(SIG_SETMASK, NULL, &before);
	h.command = bad_argv;
	(void)spawn(&h, NULL, EV_MAIL, NULL, 0, -1, &sp);
	sigprocmask(SIG_SETMASK, NULL, &after);
	CHECK(sigismember(&after, SIGTERM) == 1 && sigismember(&after, SIGUSR1) == 0 &&
	    sigismember(&before, SIGUSR1) == 0, "what was blocked is, and nothing else");
	CHECK(got_signal == 0, "no handler of ours has run");
	h.command = argv;
}

static void
test_pin(void)
{
	struct spawned	 sp;
	cpu_set_t	 set;
	int		 i, cpu = pin_cpu(0), last = pin_cpu(CPU_SETSIZE - 1);

	CHECK(cpu >= 0 && last >= 0, "there is a CPU for each engine");
	CHECK(spawn(&h, NULL, EV_MAIL, NULL, 0, cpu, &sp) == 0 &&
	    sched_getaffinity(sp.pid, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1 &&
	    CPU_ISSET((size_t)cpu, &set), "a process is on one CPU");
	for (i = 0; i < 3; i++)
		close(sp.fds[i]);
	(void)kill(sp.pid, SIGKILL);
	(void)waitpid(sp.pid, NULL, 0);
	CHECK(pin_to(cpu) == 0 && pin_cpu(0) == cpu && pin_cpu(5) == cpu,
	    "who has one only has that one");
}

int
main(void)
{
	static const char	 env[] = "MILTER_EVENT=mail";
	sigset_t		 set;

	(void)signal(SIGUSR1, on_signal);
	(void)signal(SIGTERM, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	h.name = name;
	h.directory = root;
	h.command = argv;
	h.memory = h.cpu = h.open_files = RLIM_INFINITY;
	if (spawn_setup("./" STARTER_NAME) == -1)
		return 99;
	test_run(env, sizeof(env), "inmail.h\n");
	test_run(NULL, 0, "in.h\n");
	h.directory = missing;
	test_fails(ENOENT, IPC_STAGE_SETUP, "no such directory");
	h.directory = root;
	h.command = bad_argv;
	test_fails(ENOENT, IPC_STAGE_EXEC, "no such program");
	h.command = NULL;
	test_fails(EINVAL, IPC_STAGE_SETUP, "nothing to run");
	test_mask();
	test_pin();
	return tap_done();
}
