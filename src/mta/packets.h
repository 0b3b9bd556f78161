/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ms_packets.h: the packets of a plan, encoded when they are first sent and
 * then copied. Of one message and another only the queue id differs, and its
 * places are known. All sessions that agreed on the same share one set.
 */
#ifndef PM_MS_PACKETS_H
#define PM_MS_PACKETS_H

#include <stddef.h>

#include "base/buf.h"
#include "mta/legal.h"
#include "mta/macros.h"
#include "mta/plan.h"

#define MS_QUEUE_ID_LEN	14	/* of every one of them */

struct ms_packets;

/*
 * The packets of this plan under these terms. The plan must stay as it is for
 * as long as they live, the terms need not. Give them back with
 * ms_packets_release(), which may be given NULL.
 */
struct ms_packets *ms_packets_get(const struct ms_plan *, const struct ms_terms *);
void	 ms_packets_release(struct ms_packets *);
/* The plan that was last played ends: another one may come to stand in its place. */
void	 ms_packets_forget(void);

/*
 * Adds the macros of an event: command is a SMFIC_, n the number of the
 * recipient or header from 0, else 0. queue_id has MS_QUEUE_ID_LEN
 * characters. What does not fit a packet sets the error of out.
 */
void	 ms_packets_add_macros(struct ms_packets *, int command, size_t n,
	    const char *queue_id, struct buf *out);
/* The same and the event itself behind them; not for the body. */
void	 ms_packets_add_event(struct ms_packets *, int command, size_t n,
	    const char *queue_id, struct buf *out);
/* What those macros are; until something else is asked of the packets. */
const struct ms_macros *ms_packets_macros(struct ms_packets *, int command, size_t n,
	    const char *queue_id);
/* Header n of the message, or NULL. */
const struct ms_header *ms_packets_header(const struct ms_packets *, size_t n);

#endif
