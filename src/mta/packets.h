/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_packets.h: the packets of a plan, encoded when they are first sent and
 * then copied. Of one message and another only the queue id differs, and its
 * places are known. All sessions that agreed on the same share one set.
 */
#ifndef PM_MTA_PACKETS_H
#define PM_MTA_PACKETS_H

#include <stddef.h>

#include "base/buf.h"
#include "mta/legal.h"
#include "mta/macros.h"
#include "mta/plan.h"

#define MTA_QUEUE_ID_LEN	14	/* of every one of them */

struct mta_packets;

/*
 * The packets of this plan under these terms. The plan must stay as it is for
 * as long as they live, the terms need not. Give them back with
 * mta_packets_release(), which may be given NULL.
 */
struct mta_packets *mta_packets_get(const struct mta_plan *, const struct mta_terms *);
void	 mta_packets_release(struct mta_packets *);
/* The plan that was last played ends: another one may come to stand in its place. */
void	 mta_packets_forget(void);

/*
 * Adds the macros of an event: command is a SMFIC_, n the number of the
 * recipient or header from 0, else 0. queue_id has MTA_QUEUE_ID_LEN
 * characters. What does not fit a packet sets the error of out.
 */
void	 mta_packets_add_macros(struct mta_packets *, int command, size_t n,
	    const char *queue_id, struct buf *out);
/* The same and the event itself behind them; not for the body. */
void	 mta_packets_add_event(struct mta_packets *, int command, size_t n,
	    const char *queue_id, struct buf *out);
/* What those macros are; until something else is asked of the packets. */
const struct mta_macros *mta_packets_macros(struct mta_packets *, int command, size_t n,
	    const char *queue_id);
/* Header n of the message, or NULL. */
const struct mta_header *mta_packets_header(const struct mta_packets *, size_t n);

#endif
