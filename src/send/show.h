/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_show.h: one session watched: its transcript, what became of the message,
 * and the message as it would be delivered.
 */
#ifndef PM_MS_SHOW_H
#define PM_MS_SHOW_H

#include <stdio.h>

#include "mta/edit.h"
#include "mta/player.h"
#include "transcript/transcript.h"

struct ms_show {
	const struct ms_plan	*plan;
	FILE			*to;
	int			 verbose;
	const char		*out_file;	/* -O; NULL */
	struct transcript	 transcript;
	struct buf		 text;		/* of it, to be written */
	struct ms_edit		 edit;
	struct buf		 changes;	/* lines to print if the message passes */
	struct ms_hooks		 hooks;
	enum ms_result		 result;
	int			 done;		/* result is known */
	int			 failed;	/* the file could not be written */
};

/* Sets everything up; hooks is what the player is given. */
void	 ms_show_init(struct ms_show *, const struct ms_plan *, FILE *, int verbose,
	    const char *out_file);
void	 ms_show_free(struct ms_show *);

#endif
