/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_trace.h: the transcript of milter-send -v.
 *
 * It is a sequence of blocks as pipemilter-handler(7) describes them, one for
 * each packet that is sent: the line "event NAME", or "report NAME" where no
 * answer follows (abort, disconnect, and events negotiated as needing none),
 * the lines of the event, "macro NAME VALUE" for each macro that came with
 * it, and an empty line. Behind "length N" and the empty line stand N bytes,
 * with CRLF as they were sent, and a line feed. An event is followed by its
 * answer: action lines, one line with the verdict, an empty line. Behind
 * "replace-body N" stand N bytes and a line feed.
 *
 * Three things go beyond that page: a header without the space behind its
 * colon has a line "no-space"; the first block is "negotiate", with the lines
 * "version", "actions" and "protocol" in block and answer, and "macros STAGE
 * NAMES" in the answer; a line that begins with "#" is a remark.
 */
#ifndef PM_MS_TRACE_H
#define PM_MS_TRACE_H

#include <stdio.h>

#include "buf.h"
#include "ms_player.h"

struct ms_trace {
	FILE			*to;
	const struct ms_plan	*plan;
	int			 leadspc;
	struct buf		 body;		/* pieces of replace-body so far */
	int			 in_body;
};

void	 ms_trace_init(struct ms_trace *, FILE *, const struct ms_plan *);
void	 ms_trace_free(struct ms_trace *);
void	 ms_trace_terms(struct ms_trace *, const struct ms_terms *);
void	 ms_trace_event(struct ms_trace *, const struct ms_event *);
void	 ms_trace_reply(struct ms_trace *, const struct milter_reply *);

#endif
