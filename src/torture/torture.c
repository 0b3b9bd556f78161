/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/torture.c: milter-send --torture.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipemilter/adhoc.h"
#include "base/log.h"
#include "base/mono.h"
#include "torture/daemon.h"
#include "torture/cases.h"
#include "startup/tmpdir.h"
#include "system/runtime.h"
#include "base/xmalloc.h"

#define EXIT_WRONG	1
#define EXIT_USAGE	2
#define EXIT_BROKEN	70

static struct conf *
parse_options(const struct send_child_args *args)
{
	struct adhoc		 a;
	struct adhoc_text	 text;
	struct conf		*conf = NULL;
	char			 cwd[PATH_MAX];
	size_t			 i;
	int			 ok = getcwd(cwd, sizeof(cwd)) != NULL;

	adhoc_init(&a);
	adhoc_listen(&a, "inet:1@127.0.0.1");
	if (args->events != NULL)
		adhoc_events(&a, args->events);
	for (i = 0; i < args->noptions && ok; i++)
		if (adhoc_option(&a, args->options[i]) == -1) {
			warnx("-o %s: unknown option", args->options[i]);
			ok = 0;
		}
	if (ok && adhoc_make_text(&a, args->command, &text) == 0) {
		conf = conf_parse((const char *)text.text.data, "command line", cwd, text.labels,
		    text.nlabels);
		adhoc_text_free(&text);
	}
	adhoc_free(&a);
	return conf;
}

/*
 * Lets every event through. Options about clients say nothing about the
 * handler, nor does shadow.
 */
static void
take_all(struct handler_conf *h)
{
	h->shadow = 0;
	h->except_authenticated = 0;
	h->except_clients.set = h->except_clients.local = 0;
	h->except_clients.nnetworks = 0;
	h->only_clients.set = 0;
}

/*
 * Makes a directory with a random name, in which the handler can make files as
 * any user.
 */
static int
make_dir(struct torture *t)
{
	const char	*tmp = getenv("TMPDIR");
	char		*path;
	int		 fd;

	if (tmp == NULL || tmp[0] != '/' || strpbrk(tmp, " '\"") != NULL)
		tmp = "/tmp";
	if (asprintf(&t->dir, "%s/torture.XXXXXX", tmp) == -1)
		fatal("asprintf");
	if (mkdtemp(t->dir) == NULL || chmod(t->dir, 01777) == -1) {
		warn("%s", t->dir);
		return -1;
	}
	if (asprintf(&path, "%s/" TORTURE_GLOBBED, t->dir) == -1)
		fatal("asprintf");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd == -1)
		warn("%s", path);
	else
		(void)close(fd);
	free(path);
	return fd == -1 ? -1 : 0;
}

static void
remove_dir(const struct torture *t)
{
	struct dirent	*e;
	DIR		*dir;
	char		*path;

	if (t->dir == NULL || (dir = opendir(t->dir)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (asprintf(&path, "%s/%s", t->dir, e->d_name) == -1)
			break;
		(void)unlink(path);
		free(path);
	}
	(void)closedir(dir);
	(void)rmdir(t->dir);
}

/* Drops the log: handlers may log anything, and sessions log each message. */
static void
no_log(int severity, const char *line)
{
	if (severity <= LOG_ERR)
		warnx("%s", line);
}

static int
set_up(struct torture *t)
{
	size_t	 i;

	if ((t->conf = parse_options(t->options->args)) == NULL)
		return EXIT_USAGE;
	t->handler = &t->conf->handlers[0];
	t->runtime = runtime_new(t->conf->nhandlers);
	take_all(t->handler);
	if (negotiate(t->conf, &t->conf->listens[0], MILTER_VERSION, SMFIF_V6, SMFIP_V6, &t->neg,
	    t->missing) == -1 || make_dir(t) == -1 || tmpdir_prepare(t->conf, t->runtime, 1) == -1)
		return EXIT_BROKEN;
	t->nvalues = torture_values_count();
	t->values = xcalloc(t->nvalues, sizeof(*t->values));
	for (i = 0; i < t->nvalues; i++)
		torture_value_make(&t->values[i], (unsigned int)i, t->dir);
	return 0;
}

static void
tear_down(struct torture *t)
{
	size_t	 i;

	for (i = 0; i < t->nvalues; i++)
		torture_value_free(&t->values[i]);
	free(t->values);
	free(t->around);
	if (t->runtime != NULL)
		tmpdir_remove();
	runtime_free(t->runtime);
	conf_free(t->conf);
	remove_dir(t);
	free(t->dir);
	torture_report_free(&t->report);
}

/*
 * 1 if the handler reads whole messages, or files of them: only the daemon
 * makes these.
 */
static int
takes_messages(const struct torture *t)
{
	return t->handler->input_message || t->handler->spool;
}

static int
try_handler(struct torture *t)
{
	int	 whole = takes_messages(t);

	if (!whole)
		torture_cases(t);
	/* After a finding the log of the daemon would say the same once more. */
	if (!torture_is_over(t) && t->report.wrong == 0)
		torture_daemon(t, whole);
	if (t->broken || *t->options->stop != 0)
		return EXIT_BROKEN;
	torture_summary(&t->report);
	return t->report.wrong > 0 ? EXIT_WRONG : 0;
}

int
torture_run(const struct torture_options *options)
{
	struct torture	 t;
	int		 status;

	memset(&t, 0, sizeof(t));
	t.options = options;
	torture_report_init(&t.report, stdout, options->verbose);
	if ((status = set_up(&t)) == 0) {
		log_set_hook(no_log);
		t.began = mono_ms();
		status = try_handler(&t);
		log_set_hook(NULL);
	}
	tear_down(&t);
	return status;
}
