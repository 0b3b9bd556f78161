/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/options.c: the command line of milter-send.
 */
#include "base/compat.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/proto.h"
#include "send/options.h"
#include "base/xmalloc.h"

#define MAX_COUNT	10000000
#define MAX_CONNECTIONS	10000

enum { OPT_HELP = 256, OPT_JSON, OPT_REPLAY, OPT_STATEFUL, OPT_TORTURE };

static void usage(void) NO_RETURN;
static void inform(int) NO_RETURN;

static void
print_usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: milter-send [-v] -s socket [options] [message]\n"
	    "       milter-send [-v] [-e events] [-o 'option = value'] ... [options]\n"
	    "           -x command [argument ...] < message\n"
	    "       milter-send [-v] --torture [--stateful] [-e events]\n"
	    "           [-o 'option = value'] ... -x command [argument ...]\n"
	    "options: [-f sender] [-r recipient] ... [-c client-address] "
	    "[-h client-host]\n"
	    "         [-H helo] [-m macro=value] ... [-O file] [-P version] "
	    "[-t seconds]\n"
	    "         [-n count] [-j connections] [-M per-connection] [--json]\n"
	    "         [--replay file]\n"
	    "       milter-send -V | --help\n");
}

static void
usage(void)
{
	print_usage(stderr);
	exit(SEND_EXIT_USAGE);
}

/* Prints the version or the usage that the user asked for: no error. */
static void
inform(int ch)
{
	if (ch == 'V')
		(void)printf("milter-send %s\n", PACKAGE_VERSION);
	else
		print_usage(stdout);
	exit(fflush(stdout) == 0 ? 0 : SEND_EXIT_USAGE);
}

/* Returns 1 if this was an option of the load form. */
static int
load_option(struct send_options *o, int ch, const char *arg)
{
	switch (ch) {
	case 'n':
		o->count = mta_number(ch, arg, MAX_COUNT);
		break;
	case 'j':
		o->connections = mta_number(ch, arg, MAX_CONNECTIONS);
		break;
	case 'M':
		o->per_connection = mta_number(ch, arg, MAX_COUNT);
		break;
	case OPT_JSON:
#ifndef HAVE_JSON_C
		errx(SEND_EXIT_USAGE, "--json: this program was built without json-c");
#endif
		o->json = 1;
		break;
	default:
		return 0;
	}
	o->load = 1;
	return 1;
}

static void
program_option(struct send_options *o, int ch, char *arg)
{
	switch (ch) {
	case 'v':
		o->verbose = 1;
		break;
	case 's':
		o->socket = arg;
		break;
	case 'e':
		o->daemon.events = arg;
		break;
	case 'o':
		o->daemon.options = xreallocarray(o->daemon.options,
		    o->daemon.noptions + 1, sizeof(*o->daemon.options));
		o->daemon.options[o->daemon.noptions++] = arg;
		break;
	case 'O':
		o->out_file = arg;
		break;
	case OPT_REPLAY:
		o->replay = arg;
		break;
	case OPT_STATEFUL:
		o->stateful = 1;
		break;
	case OPT_TORTURE:
		o->torture = 1;
		break;
	default:
		usage();
	}
}

static void
check_daemon(const struct send_options *o)
{
	if (o->socket != NULL)
		errx(SEND_EXIT_USAGE, "-s and -x do not go together");
	if (o->daemon.command[0] == NULL)
		errx(SEND_EXIT_USAGE, "-x: expected a command after it");
}

static void
check_replay(const struct send_options *o)
{
	if (o->replay == NULL)
		return;
	if (o->session || o->message != NULL)
		errx(SEND_EXIT_USAGE, "--replay plays the sessions of its file: not with -c, "
		    "-f, -H, -h, -m, -P, -r or a message");
	if (o->load || o->out_file != NULL)
		errx(SEND_EXIT_USAGE, "--replay plays once: not with -n, -j, -M, --json or -O");
}

static void
check_torture(const struct send_options *o)
{
	if (o->stateful && !o->torture)
		errx(SEND_EXIT_USAGE, "--stateful is for --torture alone");
	if (!o->torture)
		return;
	if (o->daemon.command == NULL)
		errx(SEND_EXIT_USAGE, "--torture is for a handler: expected -x");
	if (o->session || o->load || o->out_file != NULL || o->replay != NULL)
		errx(SEND_EXIT_USAGE, "--torture makes sessions of its own: only -e, -o, -v and "
		    "--stateful go with it");
}

static void
check_options(const struct send_options *o)
{
	check_replay(o);
	check_torture(o);
	if (o->daemon.command != NULL)
		check_daemon(o);
	else if (o->socket == NULL) {
		warnx("expected -s with the socket of a milter, or -x with a command");
		usage();
	} else if (o->daemon.events != NULL || o->daemon.noptions > 0)
		errx(SEND_EXIT_USAGE, "-e and -o are for -x alone");
	if (o->load && o->verbose)
		errx(SEND_EXIT_USAGE, "-v shows one message: not with -n, -j, -M or --json");
	if (o->load && o->out_file != NULL)
		errx(SEND_EXIT_USAGE, "-O writes one message: not with -n, -j, -M or --json");
}

static void
default_options(struct send_options *o)
{
	memset(o, 0, sizeof(*o));
	o->count = o->connections = o->per_connection = 1;
	mta_plan_default(&o->plan);
}

/*
 * After -x everything belongs to the command, so x must be the last letter of
 * its word.
 */
static int
is_last_of_word(char **argv)
{
	const char	*word = argv[optind - 1];

	return word[0] == '-' && word[strlen(word) - 1] == 'x';
}

static void
take_operands(struct send_options *o, int argc, char **argv)
{
	if (argc > optind && o->socket == NULL &&
	    (o->replay != NULL || o->torture || o->daemon.events != NULL ||
	    o->daemon.noptions > 0))
		errx(SEND_EXIT_USAGE, "expected -x before the command %s", argv[optind]);
	if (argc > optind + 1)
		usage();
	if (argc == optind + 1 && strcmp(argv[optind], "-") != 0)
		o->message = argv[optind];
}

void
send_options_parse(struct send_options *o, int argc, char **argv)
{
	static const struct option	 longs[] = {
		{ "help",	no_argument,		NULL, OPT_HELP },
		{ "json",	no_argument,		NULL, OPT_JSON },
		{ "replay",	required_argument,	NULL, OPT_REPLAY },
		{ "stateful",	no_argument,		NULL, OPT_STATEFUL },
		{ "torture",	no_argument,		NULL, OPT_TORTURE },
		{ NULL,		0,			NULL, 0 },
	};
	const char	*host = NULL;
	int		 ch;

	default_options(o);
	while ((ch = getopt_long(argc, argv,
	    "+c:e:f:H:h:j:M:m:n:O:o:P:r:s:t:Vvx", longs, NULL)) != -1) {
		if (optarg != NULL && strlen(optarg) > MTA_MAX_ARG)
			errx(SEND_EXIT_USAGE, "an argument of more than %d bytes", MTA_MAX_ARG);
		if (ch == 'V' || ch == OPT_HELP)
			inform(ch);
		if (ch == 'x') {
			if (!is_last_of_word(argv))
				usage();
			o->daemon.command = argv + optind;
			break;
		}
		if (mta_plan_option(&o->plan, &host, ch, optarg))
			o->session |= ch != 't';
		else if (!load_option(o, ch, optarg))
			program_option(o, ch, optarg);
	}
	if (o->daemon.command == NULL)
		take_operands(o, argc, argv);
	mta_plan_complete(&o->plan, host);
	check_options(o);
}
