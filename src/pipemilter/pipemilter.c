/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pipemilter/pipemilter.c: the command line of pipemilter(8), and what it asks for.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipemilter/adhoc.h"
#include "config/conf.h"
#include "startup/control_sock.h"
#include "startup/daemon.h"
#include "pipemilter/explain.h"
#include "startup/inherit.h"
#include "startup/listen_sock.h"
#include "base/log.h"
#include "pipemilter/pipemilter.h"
#include "startup/record_dir.h"
#include "system/notify.h"
#include "system/spawn.h"
#include "supervisor/supervisor.h"
#include "system/runtime.h"
#include "startup/tmpdir.h"

#define CONF_PATH	SYSCONFDIR "/pipemilter/pipemilter.conf"
#define PIDFILE_PATH	RUNSTATEDIR "/pipemilter.pid"
#define EXIT_USAGE	2

struct options {
	int		 foreground, check, verbose, version;
	int		 to_stderr;	/* the log */
	int		 first_fd;	/* descriptors from here on are nobody's */
	int		 adhoc;		/* -l, -e or -o was given */
	int		 listens;	/* -l was given */
	const char	*file, *pidfile;
	struct adhoc	 text;
	char		**operands;
	struct explain_args session;	/* with -n and -v */
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: pipemilter [-dDnvV] [-f file] [-p pidfile]\n"
	    "       pipemilter [-v] -l socket -e event[,event...] "
	    "[-o 'option = value']...\n"
	    "                  command [argument ...]\n"
	    "       pipemilter [-v] -l socket [-o 'option = value']... directory\n"
	    "       pipemilter -nv ... [-- [-c client-address] [-h client-host] [-H helo]\n"
	    "                  [-f sender] [-r recipient]... [-m macro=value]... "
	    "[-P version]]\n");
	return EXIT_USAGE;
}

static int
take_adhoc(struct options *o, int ch, const char *arg)
{
	o->adhoc = 1;
	switch (ch) {
	case 'l':
		o->listens = 1;
		adhoc_listen(&o->text, arg);
		break;
	case 'e':
		adhoc_events(&o->text, arg);
		break;
	default:
		if (adhoc_option(&o->text, arg) == -1) {
			fprintf(stderr, "pipemilter: -o %s: expected an option "
			    "of pipemilter.conf(5), of a handler or global, "
			    "as 'NAME = VALUE'\n", arg);
			return -1;
		}
	}
	return 0;
}

/* Returns 0, or -1 for a usage error; some errors are told already then. */
static int
take_options(struct options *o, int argc, char **argv)
{
	int	 ch;

	optind = optreset = 1;
	/* The plus: options after the command belong to the command. */
	while ((ch = getopt(argc, argv, "+dDe:f:l:no:p:vV")) != -1)
		switch (ch) {
		case 'd':
			o->foreground = o->to_stderr = 1;
			break;
		case 'D':
			o->foreground = 1;
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'n':
			o->check = 1;
			break;
		case 'p':
			o->pidfile = optarg;
			break;
		case 'v':
			o->verbose = 1;
			break;
		case 'V':
			o->version = 1;
			break;
		case 'e':
		case 'l':
		case 'o':
			if (take_adhoc(o, ch, optarg) == -1)
				return -1;
			break;
		default:
			return -1;
		}
	o->operands = argv + optind;
	return 0;
}

/* With -n and -v the options of a session may follow a `--'. */
static int
take_session(struct options *o)
{
	if (!o->check || !o->verbose)
		return 0;
	if (explain_args_take(&o->session, o->operands, o->adhoc) == -1)
		return -1;
	o->operands = o->session.command;
	return 0;
}

static int
fits_a_form(const struct options *o)
{
	if (o->version)
		return 1;
	if (o->adhoc)
		return o->listens && o->file == NULL && o->operands[0] != NULL;
	return o->operands[0] == NULL;
}

static struct conf *
read_conf(const struct options *o)
{
	struct adhoc_text	 t;
	struct conf		*conf = NULL;
	char			 cwd[PATH_MAX];

	if (!o->adhoc)
		return conf_load(o->file != NULL ? o->file : CONF_PATH);
	if (getcwd(cwd, sizeof(cwd)) == NULL) {
		log_msg(LOG_ERR, NULL, "getcwd: %s", strerror(errno));
		return NULL;
	}
	if (adhoc_make_text(&o->text, o->operands, &t) == -1)
		log_msg(LOG_ERR, NULL, "the command line is too long");
	else
		conf = conf_parse((const char *)t.text.data, "command line", cwd,
		    t.labels, t.nlabels);
	adhoc_text_free(&t);
	return conf;
}

/*
 * Blocks the signals that end us: one that comes during the start waits for the
 * supervisor.
 */
static void
hold_signals(void)
{
	sigset_t	 set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		fatal("sigprocmask");
}

static int
prepare(const struct options *o, const struct conf *conf, struct runtime *rt, int **fds,
    int *control_fd)
{
	const char	*pidfile = o->pidfile;

	if (pidfile == NULL && !o->foreground)
		pidfile = PIDFILE_PATH;
	if (pidfile != NULL && daemon_pidfile_open(pidfile) == -1)
		return -1;
	hold_signals();
	if (spawn_setup(NULL) == -1)
		return -1;
	/*
	 * Sockets before directories: a daemon that can't listen must not empty
	 * those of another.
	 */
	if ((*fds = listen_sock_open(conf)) == NULL)
		return -1;
	if (tmpdir_prepare(conf, rt, !conf->spool_directory_set &&
	    (o->adhoc || geteuid() != 0)) == -1)
		return -1;
	/* Of another daemon with this configuration the spool directory tells more. */
	if (control_sock_open(conf, control_fd) == -1)
		return -1;
	/*
	 * The directory of records may be inside the spool directory, which
	 * exists now.
	 */
	return record_dir_open(conf, rt);
}

/* The start has failed. */
static void
drop_prepared(const struct supervisor_opts *opts)
{
	if (opts->listen_fds != NULL)
		listen_sock_end(opts->conf, opts->listen_fds);
	free(opts->listen_fds);
	runtime_free(opts->runtime);
	conf_free(opts->conf);
}

/* Frees the configuration. */
static int
run_supervisor(const struct options *o, struct conf *conf)
{
	char			 path[PATH_MAX];
	struct supervisor_opts	 opts = { .conf = conf, .ready_fd = -1, .control_fd = -1,
	    .verbose = o->verbose };
	int			 status = 1;

	opts.runtime = runtime_new(conf->nhandlers);
	if (!o->adhoc)
		opts.conf_path = path;
	if (!o->adhoc && daemon_absolute_path(conf->path, path, sizeof(path)) == -1) {
		log_msg(LOG_ERR, NULL, "%s: %s", conf->path, strerror(errno));
		drop_prepared(&opts);
	} else if (prepare(o, conf, opts.runtime, &opts.listen_fds, &opts.control_fd) == 0) {
		if (!o->foreground)
			opts.ready_fd = daemon_start();
		daemon_pidfile_write();
		status = supervisor_run(&opts);
	} else
		drop_prepared(&opts);
	/* Its clients see the end of this process as the end of their connections. */
	control_sock_remove();
	tmpdir_remove();
	daemon_pidfile_remove();
	return status;
}

/* Prints one line for programs, then lines for people. */
static int
explain_conf(const struct options *o, const struct conf *conf)
{
	/* `pipemilter -n | head -n 1' should end quietly. */
	(void)signal(SIGPIPE, SIG_DFL);
	printf("%s: OK\n", conf->path);
	explain_listeners(conf);
	explain_mta_postfix(conf);
	explain_mta_sendmail(conf);
	if (o->verbose)
		explain_play(conf, &o->session.plan);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		log_warn("standard output");
		return 1;
	}
	return 0;
}

static int
check_or_run(struct options *o)
{
	struct conf	*conf;
	int		 status;

	/* A daemon keeps no descriptor of the process that started it. */
	if (!o->adhoc)
		closefrom(o->first_fd);
	if ((conf = read_conf(o)) == NULL)
		return 1;
	if (o->check) {
		status = explain_conf(o, conf);
		conf_free(conf);
		return status;
	}
	if (o->adhoc)
		o->foreground = o->to_stderr = 1;
	log_init("pipemilter", o->to_stderr, conf->syslog_facility,
	    o->verbose ? LOG_DEBUG : conf->log_level);
	if (!o->to_stderr)
		log_echo(STDERR_FILENO);
	return run_supervisor(o, conf);
}

int
pipemilter_main(int argc, char **argv)
{
	struct options	 o;
	int		 status;

	daemon_open_stdio();
	(void)umask(022);
	/* A write to a pipe or socket that nobody reads fails with EPIPE instead. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* Somebody else opens a file that we have a lease on: that is no reason to end. */
	(void)signal(SIGIO, SIG_IGN);
	/* A signal from a log rotator, or sent by mistake, must not end the mail. */
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	/* Whoever started us may have ignored it: then no process could be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	notify_take();
	memset(&o, 0, sizeof(o));
	o.first_fd = inherit_take();
	adhoc_init(&o.text);
	if (take_options(&o, argc, argv) == -1 || take_session(&o) == -1 || !fits_a_form(&o))
		status = usage();
	else if (o.version) {
		printf("pipemilter %s\n", PACKAGE_VERSION);
		status = 0;
	} else
		status = check_or_run(&o);
	adhoc_free(&o.text);
	explain_args_free(&o.session);
	return status;
}
