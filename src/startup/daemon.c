/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/daemon.c: going to the background with a launcher that waits, and the
 * pid file.
 */
#include "base/compat.h"

#include <sys/stat.h>
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
#include "base/trusted.h"
#include "startup/daemon.h"

/* Whoever can open it can lock it, and so keep the daemon from starting. */
#define PIDFILE_MODE	0600
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

int
daemon_absolute_path(const char *path, char *out, size_t size)
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

static int
complain_of_pidfile(const char *path, const char *why)
{
	log_msg(LOG_ERR, NULL, "pid file %s: %s", path, why);
	return -1;
}

/* What is wrong with the file that is there, or NULL. */
static const char *
pidfile_problem(const struct statx *sx)
{
	if (S_ISLNK(sx->stx_mode))
		return "it is a link; expected a file, or none";
	if (!S_ISREG(sx->stx_mode))
		return "not a file";
	if (sx->stx_uid != 0 && sx->stx_uid != geteuid())
		return "belongs to another user";
	return NULL;
}

/*
 * Makes the file if it is missing, so that nobody else can in a sticky directory. Root writes
 * to it: it must be no link to something else, and nobody may put one there.
 */
static int
claim_pidfile(const char *path)
{
	char		 why[TRUSTED_WHY], name[NAME_MAX + 1];
	const char	*problem = NULL;
	struct statx	 sx;
	int		 above, fd;

	if ((above = trusted_open_above(path, why, sizeof(why))) == -1)
		return complain_of_pidfile(path, errno == EPERM ? why : strerror(errno));
	trusted_last_name(path, name, sizeof(name));
	fd = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    PIDFILE_MODE);
	if (fd != -1)
		(void)close(fd);
	else if (errno != EEXIST || trusted_stat(above, name, &sx) == -1)
		problem = strerror(errno);
	else if ((problem = pidfile_problem(&sx)) == NULL)
		/* One that was left behind may have had another mode. */
		(void)fchmodat(above, name, PIDFILE_MODE, 0);
	(void)close(above);
	return problem == NULL ? 0 : complain_of_pidfile(path, problem);
}

int
daemon_pidfile_open(const char *path)
{
	char	 full[PATH_MAX];
	pid_t	 other = -1;

	if (daemon_absolute_path(path, full, sizeof(full)) == -1)
		return complain_of_pidfile(path, strerror(errno));
	if (claim_pidfile(full) == -1)
		return -1;
	if ((pidfile = pidfile_open(full, PIDFILE_MODE, &other)) == NULL) {
		if (errno == EEXIST)
			log_msg(LOG_ERR, NULL,
			    "already running as pid %d (pid file %s), or still ending: "
			    "see drain-timeout", (int)other, full);
		else
			(void)complain_of_pidfile(full, strerror(errno));
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

	log_echo(-1);
	if (fd == -1)
		return;
	daemon_null_stdio();
	/* The launcher may have been interrupted; the daemon goes on without it. */
	(void)!write(fd, &ready, 1);
	close(fd);
}
