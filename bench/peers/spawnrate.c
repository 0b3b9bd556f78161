/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * spawnrate.c: how often a second this machine runs a script with two pipes,
 * two at a time: the ceiling of a process for each message.
 *
 *	spawnrate COUNT FILE COMMAND [ARGUMENT ...]
 *
 * Each gets FILE on its standard input, and its output is read to its end.
 */
#define _GNU_SOURCE

#include <sys/types.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AT_A_TIME	2

extern char **environ;

static char	 input[65536];
static size_t	 input_len;

struct child {
	pid_t	 pid;
	int	 out;		/* its standard output; -1: none runs */
};

static double
now(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
read_input(const char *name)
{
	ssize_t	 n;
	int	 fd;

	if ((fd = open(name, O_RDONLY | O_CLOEXEC)) == -1 ||
	    (n = read(fd, input, sizeof(input))) == -1)
		err(1, "%s", name);
	(void)close(fd);
	input_len = (size_t)n;
}

static void
start(struct child *c, char **argv)
{
	posix_spawn_file_actions_t	 actions;
	int				 in[2], out[2], error;

	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
		err(1, "pipe2");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	error = posix_spawn(&c->pid, argv[0], &actions, NULL, argv, environ);
	if (error != 0)
		errx(1, "%s: %s", argv[0], strerror(error));
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(in[0]);
	(void)close(out[1]);
	/* It fits the pipe; who ends without reading it is no error. */
	if (write(in[1], input, input_len) == -1)
		(void)0;
	(void)close(in[1]);
	c->out = out[0];
}

/* 1 if the child is done. */
static int
take(struct child *c)
{
	char	 piece[4096];
	int	 status;

	if (read(c->out, piece, sizeof(piece)) > 0)
		return 0;
	(void)close(c->out);
	c->out = -1;
	if (waitpid(c->pid, &status, 0) == -1)
		err(1, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "a child ended with wait status %d", status);
	return 1;
}

static void
run(size_t count, char **argv)
{
	struct child	 children[AT_A_TIME];
	struct pollfd	 pfd[AT_A_TIME];
	size_t		 i, started = 0, done = 0;

	for (i = 0; i < AT_A_TIME; i++)
		children[i].out = -1;
	while (done < count) {
		for (i = 0; i < AT_A_TIME; i++) {
			if (children[i].out == -1 && started < count) {
				start(&children[i], argv);
				started++;
			}
			pfd[i].fd = children[i].out;
			pfd[i].events = POLLIN;
		}
		if (poll(pfd, AT_A_TIME, -1) == -1)
			err(1, "poll");
		for (i = 0; i < AT_A_TIME; i++)
			if (children[i].out != -1 && pfd[i].revents != 0 &&
			    take(&children[i]))
				done++;
	}
}

int
main(int argc, char **argv)
{
	double	 began;
	size_t	 count;

	if (argc < 4 || (count = strtoul(argv[1], NULL, 10)) == 0)
		errx(2, "usage: spawnrate COUNT FILE COMMAND [ARGUMENT ...]");
	read_input(argv[2]);
	(void)signal(SIGPIPE, SIG_IGN);
	began = now();
	run(count, argv + 3);
	printf("%.1f\n", (double)count / (now() - began));
	return 0;
}
