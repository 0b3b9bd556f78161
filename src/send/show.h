/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send_show.h: one session watched: its transcript, what became of the message,
 * and the message as it would be delivered.
 */
#ifndef PM_SEND_SHOW_H
#define PM_SEND_SHOW_H

#include <stdio.h>

#include "mta/edit.h"
#include "mta/player.h"
#include "transcript/transcript.h"

struct send_show {
	const struct mta_plan	*plan;
	FILE			*to;
	int			 verbose;
	const char		*out_file;	/* -O; NULL */
	struct transcript	 transcript;
	struct buf		 text;		/* of it, to be written */
	struct mta_edit		 edit;
	struct buf		 changes;	/* lines to print if the message passes */
	struct mta_hooks		 hooks;
	enum mta_result		 result;
	int			 done;		/* result is known */
	int			 failed;	/* the file could not be written */
};

/* Sets everything up; hooks is what the player is given. */
void	 send_show_init(struct send_show *, const struct mta_plan *, FILE *, int verbose,
	    const char *out_file);
void	 send_show_free(struct send_show *);

#endif
