/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* send/options.h: the command line of milter-send(1). */
#ifndef PM_SEND_OPTIONS_H
#define PM_SEND_OPTIONS_H

#include <stddef.h>

#include "send/child.h"
#include "mta/plan.h"
#include "mta/plan_options.h"
#include "transcript/transcript.h"

/* Exit statuses of milter-send. */
#define SEND_EXIT_OK		0
#define SEND_EXIT_REJECTED	1
#define SEND_EXIT_DIFFERENT	1	/* --replay */
#define SEND_EXIT_USAGE		MTA_EXIT_USAGE
#define SEND_EXIT_BROKEN	70
#define SEND_EXIT_TEMPFAILED	75
#define SEND_EXIT_DISCARDED	99

struct send_options {
	int			 verbose;
	const char		*socket;	/* -s; NULL with -x */
	struct send_child_args	 daemon;	/* of -x */
	const char		*message;	/* path; NULL or "-": stdin */
	const char		*out_file;
	const char		*replay;	/* path of a transcript, or NULL */
	struct transcript_file	 transcript;	/* its content; set by main() */
	int			 session;	/* an option described the session */
	int			 load;		/* -n, -j, -M or --json was given */
	int			 json;
	size_t			 count, connections, per_connection;
	int			 torture;	/* --torture */
	int			 stateful;	/* --stateful */
	struct mta_plan		 plan;		/* everything but the message */
};

/* Fills in the options. Ends the program with SEND_EXIT_USAGE if something is wrong. */
void	 send_options_parse(struct send_options *, int argc, char **argv);

#endif
