/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/show.h: shows one session: its transcript, what became of the message,
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
	const char		*out_file;	/* of -O, or NULL */
	struct transcript	 transcript;
	struct buf		 text;		/* of the transcript, not written yet */
	struct mta_edit		 edit;
	struct buf		 changes;	/* lines printed if the message passes */
	struct mta_hooks	 hooks;
	enum mta_result		 result;
	int			 done;		/* result is set */
	int			 failed;	/* the file could not be written */
};

/* Sets up everything. Give hooks to the player. */
void	 send_show_init(struct send_show *, const struct mta_plan *, FILE *, int verbose,
	    const char *out_file);
void	 send_show_free(struct send_show *);

#endif
