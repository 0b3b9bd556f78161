/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/daemon.c: going to the background with a launcher that waits, and the
 * pid file.
 */
#include "base/compat.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "startup/daemon.h"

#define READY	'\0'	/* ends the error texts in the launcher's pipe */

static struct pidfh	*pidfile;

void
daemon_open_stdio(void)
{
	int	 fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd == -1)
		fatal("/dev/null");
	close(fd);
}

static void
null_up_to(int last)
{
	int	 fd, i;

	if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		fatal("/dev/null");
	for (i = STDIN_FILENO; i <= last; i++)
		if (dup2(fd, i) == -1)
			fatal("dup2");
	close(fd);
}

void
daemon_null_stdio(void)
{
	null_up_to(STDERR_FILENO);
}

void
daemon_null_input_output(void)
{
	null_up_to(STDOUT_FILENO);
}

/* Makes a path absolute: the daemon leaves its directory before it removes the file. */
static int
absolute(const char *path, char *out, size_t size)
{
	char	 cwd[PATH_MAX];
	int	 n;

	if (path[0] == '/')
		n = snprintf(out, size, "%s", path);
	else if (getcwd(cwd, sizeof(cwd)) == NULL)
		return -1;
	else
		n = snprintf(out, size, "%s/%s", cwd, path);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int
daemon_pidfile_open(const char *path)
{
	char	 full[PATH_MAX];
	pid_t	 other = -1;

	if (absolute(path, full, sizeof(full)) == -1) {
		log_msg(LOG_ERR, NULL, "pid file %s: %s", path,
		    strerror(errno));
		return -1;
	}
	if ((pidfile = pidfile_open(full, 0644, &other)) == NULL) {
		if (errno == EEXIST)
			log_msg(LOG_ERR, NULL,
			    "already running as pid %d (pid file %s), or still ending: "
			    "see drain-timeout", (int)other, full);
		else
			log_msg(LOG_ERR, NULL, "pid file %s: %s", full,
			    strerror(errno));
		return -1;
	}
	/* libbsd would leave the file open in programs that are executed, and locked. */
	if (fcntl(pidfile_fileno(pidfile), F_SETFD, FD_CLOEXEC) == -1)
		fatal("fcntl");
	return 0;
}

void
daemon_pidfile_write(void)
{
	if (pidfile != NULL && pidfile_write(pidfile) == -1)
		log_warn("writing the pid file");
}

void
daemon_pidfile_remove(void)
{
	if (pidfile != NULL)
		(void)pidfile_remove(pidfile);
	pidfile = NULL;
}

void
daemon_pidfile_forget(void)
{
	if (pidfile != NULL)
		(void)pidfile_close(pidfile);
	pidfile = NULL;
}

/* Copies error texts to stderr. Returns 1 when the daemon is ready, 0 when it has ended. */
static int
await_ready(int fd, size_t *shown)
{
	char	 text[512];
	char	*end;
	ssize_t	 n;
	size_t	 len;

	*shown = 0;
	for (;;) {
		n = read(fd, text, sizeof(text));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		end = memchr(text, READY, (size_t)n);
		len = end != NULL ? (size_t)(end - text) : (size_t)n;
		if (len > 0 && write(STDERR_FILENO, text, len) > 0)
			*shown += len;
		if (end != NULL)
			return 1;
	}
}

static void launch(pid_t, int) NO_RETURN;

static void
launch(pid_t pid, int fd)
{
	sigset_t	 none;
	size_t		 shown;
	int		 status;

	/* Somebody who waits at a terminal may give up with ^C. */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	daemon_pidfile_forget();
	if (await_ready(fd, &shown))
		_exit(0);
	log_init("pipemilter", 1, 0, LOG_INFO);
	log_echo(-1);
	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		log_msg(LOG_ERR, NULL, "ended by signal %d before it was ready",
		    WTERMSIG(status));
	else if (shown == 0)
		log_msg(LOG_ERR, NULL, "ended before it was ready");
	_exit(1);
}

int
daemon_start(void)
{
	int	 fds[2];
	pid_t	 pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		fatal("pipe");
	if ((pid = fork()) == -1)
		fatal("fork");
	if (pid > 0) {
		close(fds[1]);
		launch(pid, fds[0]);
	}
	close(fds[0]);
	if (setsid() == -1)
		fatal("setsid");
	log_echo(fds[1]);
	if (chdir("/") == -1)
		fatal("chdir to /");
	return fds[1];
}

void
daemon_ready(int fd)
{
	const char	 ready = READY;

	if (fd == -1)
		return;
	log_echo(-1);
	daemon_null_stdio();
	/* The launcher may have been interrupted; the daemon goes on without it. */
	(void)!write(fd, &ready, 1);
	close(fd);
}
