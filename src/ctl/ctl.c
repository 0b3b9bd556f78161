/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/ctl.c: the command line of pipemilterctl(8).
 */
#include "base/compat.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/forms.h"
#include "ctl/http.h"
#include "ctl/snapshot.h"
#include "ctl/top.h"
#include "ctl/watch.h"

#define CONTROL_PATH	RUNSTATEDIR "/pipemilter/control.sock"
/* Bytes of an answer in one of its forms. */
#define FORM_MAX	(256 * 1024 * 1024)
#define TOP_SECONDS	2

enum form { FORM_TEXT, FORM_JSON, FORM_OPENMETRICS, FORM_HTTP };

static int
usage(void)
{
	(void)fprintf(stderr,
	    "usage: pipemilterctl [-s control-socket] command\n"
	    "       commands: ping, status [--json | --openmetrics | --http],\n"
	    "       processes [--json], top [seconds], drain, reload, stop,\n"
	    "       watch [-v] [-n count] [-c network] [-f pattern] [-r pattern] [handler ...]\n"
	    "       pipemilterctl -V\n");
	return CONTROL_USAGE;
}

/* What was printed may not have been written: a disk may be full. */
static int
flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	client_complain("standard output", strerror(errno));
	return CONTROL_FAILED;
}

/* Returns 0, or -1: there is no JSON. */
static int
make_form(struct buf *b, const struct snapshot *s, enum form form)
{
	int	 is_status = s->daemon.n > 0;

	if (form == FORM_JSON)
		return is_status ? json_print(b, s) : json_processes(b, s);
	if (!is_status)
		text_processes(b, s);
	else if (form == FORM_TEXT)
		text_print(b, s);
	else
		openmetrics_print(b, s);
	return 0;
}

static int
print_form(const struct snapshot *s, enum form form)
{
	struct buf	 b;
	int		 status = CONTROL_OK;

	buf_init(&b, FORM_MAX);
	if (make_form(&b, s, form) == -1) {
		client_complain("--json", "this program was built without json-c");
		status = CONTROL_FAILED;
	}
	if (status == CONTROL_OK && !buf_ok(&b)) {
		client_complain(NULL, "not enough memory");
		status = CONTROL_FAILED;
	}
	if (status == CONTROL_OK)
		(void)fwrite(b.data, 1, b.len, stdout);
	buf_free(&b);
	return flushed(status);
}

/* http_make */
static int
make_metrics(struct buf *b, void *arg)
{
	struct snapshot	 s;

	if (snapshot_take(&s, arg) != CONTROL_OK)
		return -1;
	openmetrics_print(b, &s);
	snapshot_free(&s);
	return buf_ok(b) ? 0 : -1;
}

static int
unexpected(char **words, unsigned int i)
{
	(void)client_refuse(words[0], words[i], "unexpected argument");
	return usage();
}

/* The form that the argument names; sets *ok to 0 if there is none. */
static enum form
form_of(const char *arg, int *ok)
{
	*ok = 1;
	if (arg == NULL)
		return FORM_TEXT;
	if (strcmp(arg, "--json") == 0)
		return FORM_JSON;
	if (strcmp(arg, "--openmetrics") == 0)
		return FORM_OPENMETRICS;
	*ok = strcmp(arg, "--http") == 0;
	return FORM_HTTP;
}

static int
show_status(const char *path, char **words)
{
	struct snapshot	 s;
	char		 copy[4096];
	int		 status, ok;
	enum form	 form = form_of(words[1], &ok);

	if (!ok)
		return unexpected(words, 1);
	if (form == FORM_HTTP) {
		(void)strlcpy(copy, path, sizeof(copy));
		return http_serve(make_metrics, copy) == 0 ? CONTROL_OK : CONTROL_FAILED;
	}
	if ((status = snapshot_take(&s, path)) != CONTROL_OK)
		return status;
	status = print_form(&s, form);
	snapshot_free(&s);
	return status;
}

static int
show_processes(const char *path, char **words)
{
	struct snapshot	 s;
	int		 status, ok;
	enum form	 form = form_of(words[1], &ok);

	if (!ok || (form != FORM_TEXT && form != FORM_JSON))
		return unexpected(words, 1);
	if ((status = snapshot_take_processes(&s, path)) != CONTROL_OK)
		return status;
	status = print_form(&s, form);
	snapshot_free(&s);
	return status;
}

static int
show_top(const char *path, char **words)
{
	const char	*why = NULL;
	unsigned int	 seconds = TOP_SECONDS;

	if (words[1] != NULL)
		seconds = (unsigned int)strtonum(words[1], 1, 3600, &why);
	if (why != NULL)
		return client_refuse(words[0], words[1], "not a number of seconds from 1 to 3600");
	return flushed(top_run(path, seconds));
}

static int
watch(const char *path, char **words)
{
	int	 status = watch_run(path, words);

	return status == -1 ? usage() : flushed(status);
}

static int
ask(const char *path, char **words)
{
	return flushed(client_ask(path, words[0], CLIENT_SOON, NULL, NULL));
}

static int
ask_patiently(const char *path, char **words)
{
	return flushed(client_ask(path, words[0], CLIENT_PATIENT, NULL, NULL));
}

static int
ask_until_end(const char *path, char **words)
{
	return flushed(client_ask(path, words[0], CLIENT_UNTIL_END, NULL, NULL));
}

/* words: the command and its arguments, of which there are at most so many; -1: any number */
static const struct command {
	const char	*name;
	int		(*run)(const char *path, char **words);
	int		 max;
} commands[] = {
	{ "drain", ask, 0 },
	{ "ping", ask, 0 },
	{ "processes", show_processes, 1 },
	{ "reload", ask_patiently, 0 },
	{ "status", show_status, 1 },
	{ "stop", ask_until_end, 0 },
	{ "top", show_top, 1 },
	{ "watch", watch, -1 }
};

static int
run(const char *path, char **words)
{
	const struct command	*c;
	int			 i;

	if (words[0] == NULL)
		return usage();
	for (c = commands; c < commands + nitems(commands); c++) {
		if (strcmp(c->name, words[0]) != 0)
			continue;
		for (i = 0; i < c->max && words[i + 1] != NULL; i++)
			;
		if (c->max != -1 && words[i + 1] != NULL)
			return unexpected(words, (unsigned int)i + 1);
		return c->run(path, words);
	}
	(void)client_refuse("command", words[0], "unknown");
	return usage();
}

int
ctl_main(int argc, char **argv)
{
	const char	*path = CONTROL_PATH;
	int		 ch;

	(void)signal(SIGPIPE, SIG_IGN);
	while ((ch = getopt(argc, argv, "+s:V")) != -1)
		switch (ch) {
		case 's':
			path = optarg;
			break;
		case 'V':
			printf("pipemilterctl %s\n", PACKAGE_VERSION);
			return flushed(CONTROL_OK);
		default:
			return usage();
		}
	return run(path, argv + optind);
}
