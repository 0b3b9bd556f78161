/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_options.h: the command line of milter-send.
 */
#ifndef PM_SEND_OPTIONS_H
#define PM_SEND_OPTIONS_H

#include <stddef.h>

#include "send/child.h"
#include "mta/plan.h"
#include "mta/plan_options.h"
#include "transcript/transcript.h"

/* Statuses of the program. */
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
	const char		*message;	/* a file; NULL or "-": stdin */
	const char		*out_file;
	const char		*replay;	/* a transcript; NULL */
	struct transcript_file	 transcript;	/* what is in it; not set here */
	int			 session;	/* an option of the session was given */
	int			 load;		/* -n, -j, -M or --json was given */
	int			 json;
	size_t			 count, connections, per_connection;
	int			 torture;	/* --torture */
	int			 stateful;	/* --stateful */
	struct mta_plan		 plan;		/* all but the message */
};

/* Ends the program with SEND_EXIT_USAGE if something is wrong. */
void	 send_options_parse(struct send_options *, int argc, char **argv);

#endif
