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
show_status(const char *path, enum form form)
{
	struct snapshot	 s;
	char		 copy[4096];
	int		 status;

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
show_processes(const char *path, enum form form)
{
	struct snapshot	 s;
	int		 status;

	if ((status = snapshot_take_processes(&s, path)) != CONTROL_OK)
		return status;
	status = print_form(&s, form);
	snapshot_free(&s);
	return status;
}

static int
show_top(const char *path, const char *arg)
{
	const char	*why = NULL;
	unsigned int	 seconds = TOP_SECONDS;

	if (arg != NULL)
		seconds = (unsigned int)strtonum(arg, 1, 3600, &why);
	if (why == NULL)
		return flushed(top_run(path, seconds));
	client_complain("top: a number of seconds from 1 to 3600", why);
	return CONTROL_USAGE;
}

/* The form that an argument names, or -1. */
static int
form_of(const char *arg)
{
	if (arg == NULL)
		return FORM_TEXT;
	if (strcmp(arg, "--json") == 0)
		return FORM_JSON;
	if (strcmp(arg, "--openmetrics") == 0)
		return FORM_OPENMETRICS;
	return strcmp(arg, "--http") == 0 ? FORM_HTTP : -1;
}

static int
run(const char *path, char **words)
{
	const char	*verb = words[0];
	int		 form, status;

	if (verb == NULL)
		return usage();
	if (strcmp(verb, "status") == 0) {
		form = form_of(words[1]);
		if (form == -1 || (words[1] != NULL && words[2] != NULL))
			return usage();
		return show_status(path, (enum form)form);
	}
	if (strcmp(verb, "processes") == 0) {
		form = form_of(words[1]);
		if ((form != FORM_TEXT && form != FORM_JSON) || (words[1] != NULL && words[2] != NULL))
			return usage();
		return show_processes(path, (enum form)form);
	}
	if (strcmp(verb, "top") == 0)
		return words[1] != NULL && words[2] != NULL ? usage() : show_top(path, words[1]);
	if (strcmp(verb, "watch") == 0) {
		status = watch_run(path, words);
		return status == -1 ? usage() : flushed(status);
	}
	if (words[1] != NULL)
		return usage();
	if (strcmp(verb, "stop") == 0)
		return flushed(client_ask(path, verb, CLIENT_UNTIL_END, NULL, NULL));
	if (strcmp(verb, "reload") == 0)
		return flushed(client_ask(path, verb, CLIENT_PATIENT, NULL, NULL));
	if (strcmp(verb, "ping") != 0 && strcmp(verb, "drain") != 0)
		return usage();
	return flushed(client_ask(path, verb, CLIENT_SOON, NULL, NULL));
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
