/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/child.c: the daemon as a child of milter-send.
 */
#include "base/compat.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "send/child.h"
#include "pipemilter/pipemilter.h"
#include "base/xmalloc.h"

#define START_SECONDS	10
#define TERM_SECONDS	15
#define KILL_SECONDS	5
#define PAUSE_MS	5
#define LINE_MAX_BYTES	4352	/* of a line of the log, with its severity */

/* Waits a moment; a signal ends the wait. */
static void
pause_for(const struct send_child *c)
{
	struct timespec	 ts = { 0, PAUSE_MS * 1000000L };

	(void)ppoll(NULL, 0, &ts, c->wait_mask);
}

static int
has_ended(struct send_child *c)
{
	if (c->running && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->running = 0;
	return !c->running;
}

/*
 * Writes a line of the log with its severity in front, so that the parent can choose.
 * dprintf(3) looks where the file stands, which an engine may not do.
 */
static void
log_with_severity(int severity, const char *line)
{
	char	 text[LINE_MAX_BYTES];
	int	 n = snprintf(text, sizeof(text), "<%d>%s\n", severity, line);

	if (n <= 0 || (size_t)n >= sizeof(text))
		return;
	/* Nobody is left to be told of a line that can't be written. */
	if (write(STDERR_FILENO, text, (size_t)n) == -1)
		return;
}

static char **
make_argv(const struct send_child *c, const struct send_child_args *args, int *argc)
{
	size_t	  i, n = 0, ncommand = 0;
	char	**argv, *spec;

	while (args->command[ncommand] != NULL)
		ncommand++;
	argv = xcalloc(7 + 2 * args->noptions + ncommand, sizeof(*argv));
	if (asprintf(&spec, "unix:%s", c->sock) == -1)
		err(1, NULL);
	argv[n++] = xstrdup("pipemilter");
	argv[n++] = xstrdup("-l");
	argv[n++] = spec;
	if (args->events != NULL) {
		argv[n++] = xstrdup("-e");
		argv[n++] = xstrdup(args->events);
	}
	for (i = 0; i < args->noptions; i++) {
		argv[n++] = xstrdup("-o");
		argv[n++] = args->options[i];
	}
	argv[n++] = xstrdup("--");
	for (i = 0; i < ncommand; i++)
		argv[n++] = args->command[i];
	argv[n] = NULL;
	*argc = (int)n;
	return argv;
}

static void
redirect(int fd, const char *path, int flags)
{
	int	 opened = open(path, flags | O_CLOEXEC, 0600);

	if (opened == -1 || dup2(opened, fd) == -1)
		err(1, "%s", path);
	if (opened != fd)
		(void)close(opened);
}

static void
default_signals(void)
{
	static const int	 signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t		 none;
	size_t			 i;

	for (i = 0; i < nitems(signals); i++)
		(void)signal(signals[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_daemon(const struct send_child *, const struct send_child_args *, pid_t)
    NO_RETURN;

/*
 * Runs the daemon in a process group of its own, so that a Ctrl-C reaches only
 * milter-send.
 */
static void
run_daemon(const struct send_child *c, const struct send_child_args *args, pid_t parent)
{
	char	**argv;
	int	  argc;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	default_signals();
	redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
	if (!c->verbose) {
		redirect(STDERR_FILENO, c->log, O_WRONLY | O_CREAT | O_APPEND);
		log_set_hook(log_with_severity);
	}
	argv = make_argv(c, args, &argc);
	optind = 1;
	optreset = 1;
	exit(pipemilter_main(argc, argv));
}

static int
make_places(struct send_child *c, struct netaddr *addr)
{
	const char	*tmp = getenv("TMPDIR"), *why;
	char		 spec[sizeof(c->sock) + 8];

	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	if (snprintf(c->dir, sizeof(c->dir), "%s/milter-send.XXXXXX", tmp) >=
	    (int)sizeof(c->dir)) {
		warnx("TMPDIR is too long");
		return -1;
	}
	if (mkdtemp(c->dir) == NULL) {
		warn("%s", c->dir);
		c->dir[0] = '\0';
		return -1;
	}
	(void)snprintf(c->sock, sizeof(c->sock), "%s/milter.sock", c->dir);
	(void)snprintf(c->log, sizeof(c->log), "%s/log", c->dir);
	(void)snprintf(spec, sizeof(spec), "unix:%s", c->sock);
	if (netaddr_parse(spec, addr, &why) == -1) {
		warnx("%s: %s", spec, why);
		return -1;
	}
	return 0;
}

/* Returns a connected descriptor, or -1 while nobody listens. */
static int
try_connect(const struct netaddr *addr)
{
	int	 fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd != -1 && connect(fd, (const struct sockaddr *)&addr->ss, addr->len) == -1) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * The severity of a line of the log; *line moves to its text. A line without a
 * severity counts as an error.
 */
static int
severity_of(const char **line)
{
	const char	*p = *line;

	if (p[0] != '<' || p[1] < '0' || p[1] > '7' || p[2] != '>')
		return LOG_ERR;
	*line = p + 3;
	return p[1] - '0';
}

static void
show_line(const struct send_child *c, const char *line, int all)
{
	const char	*text = line;
	int		 severity = severity_of(&text);

	if (severity > LOG_WARNING && !all)
		return;
	if (c->log_line != NULL)
		c->log_line(c->log_arg, severity, text);
	else
		(void)fputs(text, stderr);
}

/* Shows the warnings and errors of the log, or all of it. */
static void
show_log(const struct send_child *c, int all)
{
	char		*line = NULL;
	size_t		 cap = 0;
	FILE		*f;

	if (c->verbose || (f = fopen(c->log, "re")) == NULL)
		return;
	while (getline(&line, &cap, f) != -1)
		show_line(c, line, all);
	free(line);
	(void)fclose(f);
}

static int
wait_for_socket(struct send_child *c, const struct netaddr *addr)
{
	struct mono_wait	 w;
	int			 fd;

	mono_wait_begin(&w, START_SECONDS * 1000);
	for (;;) {
		if ((fd = try_connect(addr)) != -1)
			return fd;
		if (has_ended(c)) {
			/* Show the reason before our own words, and show it only once. */
			show_log(c, 1);
			(void)unlink(c->log);
			warnx("the daemon ended before it accepted a connection");
			return -1;
		}
		if (*c->stop)
			return -1;
		if (mono_wait_slice(&w) == 0) {
			warnx("the daemon did not accept a connection within %d seconds",
			    START_SECONDS);
			return -1;
		}
		pause_for(c);
	}
}

int
send_child_start(struct send_child *c, const struct send_child_args *args, struct netaddr *addr)
{
	pid_t	 parent = getpid();

	if (make_places(c, addr) == -1)
		return -1;
	(void)fflush(NULL);
	c->pid = fork();
	if (c->pid == -1) {
		warn("fork");
		return -1;
	}
	if (c->pid == 0)
		run_daemon(c, args, parent);
	c->running = 1;
	return wait_for_socket(c, addr);
}

static void
end_daemon(struct send_child *c)
{
	static const struct {
		int		 signal;
		unsigned int	 seconds;
	} steps[] = {
		{ SIGTERM, TERM_SECONDS },
		{ SIGTERM, KILL_SECONDS },	/* a second SIGTERM ends the daemon at once */
		{ SIGKILL, KILL_SECONDS },
	};
	struct mono_wait	 w;
	size_t			 i;

	for (i = 0; i < nitems(steps) && !has_ended(c); i++) {
		(void)kill(c->pid, steps[i].signal);
		mono_wait_begin(&w, steps[i].seconds * 1000);
		while (!has_ended(c) && mono_wait_slice(&w) > 0)
			pause_for(c);
	}
}

static void
remove_places(const struct send_child *c)
{
	if (c->dir[0] == '\0')
		return;
	(void)unlink(c->sock);
	(void)unlink(c->log);
	if (rmdir(c->dir) == -1)
		warn("%s", c->dir);
}

int
send_child_stop(struct send_child *c, int show)
{
	int	 bad;

	if (c->pid > 0)
		end_daemon(c);
	bad = c->pid <= 0 || c->running || !WIFEXITED(c->status) ||
	    WEXITSTATUS(c->status) != 0;
	show_log(c, show || bad);
	if (c->pid > 0 && !c->running && WIFSIGNALED(c->status))
		warnx("the daemon was killed by signal %d", WTERMSIG(c->status));
	remove_places(c);
	return bad ? -1 : 0;
}
