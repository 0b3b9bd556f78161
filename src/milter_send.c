/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* milter_send.c: main() of milter-send(1), which plays the MTA for a milter. */
#include "base/compat.h"

#include <sys/resource.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "send/child.h"
#include "send/options.h"
#include "send/replay.h"
#include "send/run.h"
#include "send/show.h"
#include "send/stats.h"
#include "torture/torture.h"

#define MAX_MESSAGE	(((size_t)1 << 30) + 1)
#define SPARE_FILES	32

extern char **environ;

static volatile sig_atomic_t	 stop;	/* the signal that came */

static void
on_signal(int sig)
{
	stop = sig;
}

/*
 * Blocks the signals that end us, and gives the mask for waits, which lets them
 * in. So none comes between a look at the flag and the wait.
 */
static void
catch_signals(sigset_t *wait_mask)
{
	static const int	 signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction	 sa;
	sigset_t		 block;
	size_t			 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&block);
	for (i = 0; i < nitems(signals); i++) {
		(void)sigaction(signals[i], &sa, NULL);
		(void)sigaddset(&block, signals[i]);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigprocmask(SIG_BLOCK, &block, wait_mask);
}

/* Reads a whole file; NULL or "-" is stdin. what: the kind of file, for messages. */
static void
read_file(const char *path, const char *what, struct buf *b)
{
	static char	 piece[65536];
	const char	*name;
	ssize_t		 n;
	int		 fd = STDIN_FILENO;

	if (path != NULL && strcmp(path, "-") == 0)
		path = NULL;
	name = path == NULL ? "stdin" : path;
	if (path != NULL && (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(SEND_EXIT_USAGE, "%s", name);
	buf_init(b, MAX_MESSAGE);
	while ((n = read(fd, piece, sizeof(piece))) != 0 && buf_ok(b)) {
		if (n == -1 && errno != EINTR)
			err(SEND_EXIT_USAGE, "%s", name);
		if (n > 0)
			buf_add(b, piece, (size_t)n);
	}
	if (fd != STDIN_FILENO)
		(void)close(fd);
	if (!buf_ok(b))
		errx(SEND_EXIT_USAGE, "%s: a %s that is too large", name, what);
}

static void
read_message(struct send_options *o)
{
	const char	*why;
	struct buf	 b;

	if (o->message == NULL && isatty(STDIN_FILENO))
		warnx("reading the message from the terminal, up to end of file (control-D)");
	read_file(o->message, "message", &b);
	if (b.len == 0)
		warnx("the message is empty");
	if (mta_message_parse(&o->plan.message, b.data, b.len, &why) == -1)
		errx(SEND_EXIT_USAGE, "%s: %s", o->message == NULL ? "stdin" : o->message, why);
	buf_free(&b);
}

static void
read_transcript(struct send_options *o)
{
	const char	*why;
	struct buf	 b;
	size_t		 line, len;
	char		*text;

	read_file(o->replay, "transcript", &b);
	text = buf_steal(&b, &len);
	if (transcript_parse(&o->transcript, text, len, &line, &why) == -1)
		errx(SEND_EXIT_USAGE, "%s:%zu: %s", o->replay, line, why);
}

static void
allow_files(size_t connections)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur >= connections + SPARE_FILES)
		return;
	rl.rlim_cur = connections + SPARE_FILES;
	if (rl.rlim_max < rl.rlim_cur)
		errx(SEND_EXIT_USAGE, "-j %zu: no more than %llu files may be open",
		    connections, (unsigned long long)rl.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(SEND_EXIT_USAGE, "setrlimit");
}

static int
exit_status(enum mta_result result)
{
	static const int	 status[MTA_RESULTS] = {
		[MTA_DELIVERED] = SEND_EXIT_OK,
		[MTA_REJECTED] = SEND_EXIT_REJECTED,
		[MTA_TEMPFAILED] = SEND_EXIT_TEMPFAILED,
		[MTA_DISCARDED] = SEND_EXIT_DISCARDED,
	};

	return status[result];
}

/* With -O - only the message goes to stdout. */
static int
play_one(const struct send_options *o, struct send_run *run)
{
	struct send_show	 show;
	int			 status = SEND_EXIT_BROKEN;
	FILE			*to = stdout;

	if (o->out_file != NULL && strcmp(o->out_file, "-") == 0)
		to = stderr;
	send_show_init(&show, &o->plan, to, o->verbose, o->out_file);
	run->watch = &show.hooks;
	if (send_run(run) == 0 && show.done)
		status = show.failed ? SEND_EXIT_USAGE : exit_status(show.result);
	send_show_free(&show);
	return status;
}

static int
play_many(const struct send_options *o, struct send_run *run)
{
	int	 r;

	run->count = o->count;
	run->connections = o->connections;
	run->per_connection = o->per_connection;
	allow_files(o->connections);
	r = send_run(run);
	send_stats_print(&run->stats, stdout, o->json);
	return r == 0 ? exit_status(send_stats_result(&run->stats)) : SEND_EXIT_BROKEN;
}

/* Plays the sessions of the file, one after the other. */
static int
play_transcript(const struct send_options *o, struct send_run *run)
{
	struct send_replay	 replay;
	struct mta_side		 side;
	int			 status = SEND_EXIT_BROKEN;

	send_replay_init(&replay, &o->transcript, o->replay, stdout, o->verbose);
	send_replay_side(&replay, o->plan.timeout, &side);
	run->side = &side;
	run->count = send_replay_sessions(&replay);
	if (send_run(run) == 0)
		status = replay.different == 0 ? SEND_EXIT_OK : SEND_EXIT_DIFFERENT;
	else if (replay.asked != NULL)
		send_replay_note(&replay, replay.asked, "this was asked last");
	send_replay_summary(&replay);
	send_replay_free(&replay);
	return status;
}

static int
play_session(const struct send_options *o, struct send_run *run)
{
	int	 status;

	run->plan = &o->plan;
	run->stop = &stop;
	run->count = run->connections = run->per_connection = 1;
	if (o->replay != NULL)
		status = play_transcript(o, run);
	else
		status = o->load ? play_many(o, run) : play_one(o, run);
	if (run->error[0] != '\0' && !stop)
		warnx("%s", run->error);
	send_run_free(run);
	return status;
}

/* A daemon that can't even start got a wrong argument: hence SEND_EXIT_USAGE. */
static int
play_daemon(const struct send_options *o, struct send_run *run)
{
	struct send_child	 child;
	int			 status = SEND_EXIT_USAGE;

	memset(&child, 0, sizeof(child));
	child.verbose = o->verbose;
	child.wait_mask = run->wait_mask;
	child.stop = &stop;
	run->first_fd = send_child_start(&child, &o->daemon, &run->addr);
	if (run->first_fd != -1)
		status = play_session(o, run);
	if (send_child_stop(&child, status == SEND_EXIT_BROKEN && !stop) == -1 &&
	    status != SEND_EXIT_USAGE && !stop)
		status = SEND_EXIT_BROKEN;
	return status;
}

static int
torture(const struct send_options *o, const sigset_t *wait_mask)
{
	struct torture_options	 t = { .args = &o->daemon, .verbose = o->verbose,
	    .stateful = o->stateful, .wait_mask = wait_mask, .stop = &stop };

	return torture_run(&t);
}

static int
play_socket(const struct send_options *o, struct send_run *run)
{
	const char	*why;

	run->first_fd = -1;
	if (netaddr_parse(o->socket, &run->addr, &why) == -1)
		errx(SEND_EXIT_USAGE, "-s %s: %s", o->socket, why);
	return play_session(o, run);
}

int
main(int argc, char **argv)
{
	struct send_options	 o;
	struct send_run		 run;
	sigset_t		 wait_mask;
	int			 status;

	/* This moves argv and the environment, and the daemon needs it. */
	setproctitle_init(argc, argv, environ);
	send_options_parse(&o, argc, argv);
	if (o.replay != NULL)
		read_transcript(&o);
	else if (!o.torture)
		read_message(&o);
	memset(&run, 0, sizeof(run));
	catch_signals(&wait_mask);
	run.wait_mask = &wait_mask;
	o.plan.id_base = (unsigned int)time(NULL) ^ (unsigned int)getpid() << 16;
	if (o.torture)
		status = torture(&o, &wait_mask);
	else
		status = o.socket != NULL ? play_socket(&o, &run) : play_daemon(&o, &run);
	transcript_file_free(&o.transcript);
	mta_plan_free(&o.plan);
	free(o.daemon.options);
	if (stop) {
		(void)signal(stop, SIG_DFL);
		(void)raise(stop);
		(void)sigprocmask(SIG_SETMASK, &wait_mask, NULL);
	}
	return status;
}
