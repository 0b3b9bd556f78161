/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/packets.h: the packets of a plan, encoded when they are first sent and
 * then copied. Pure. From message to message only the queue id differs, and its
 * offsets are known. All sessions with the same terms share one set.
 */
#ifndef PM_MTA_PACKETS_H
#define PM_MTA_PACKETS_H

#include <stddef.h>

#include "base/buf.h"
#include "mta/legal.h"
#include "mta/macros.h"
#include "mta/plan.h"

#define MTA_QUEUE_ID_LEN	14	/* bytes of each queue id */

struct mta_packets;

/*
 * Returns the packets of this plan under these terms. The plan must stay
 * unchanged as long as the packets live; the terms need not. Give the packets
 * back with mta_packets_release(), which accepts NULL.
 */
struct mta_packets *mta_packets_get(const struct mta_plan *, const struct mta_terms *);
void	 mta_packets_release(struct mta_packets *);
/* Call it at the end of a plan, since another plan may get the same memory. */
void	 mta_packets_forget(void);

/*
 * Adds the macros of an event. command is a SMFIC_; n is the index of the
 * recipient or header from 0, else 0; queue_id has MTA_QUEUE_ID_LEN characters.
 * If they do not fit a packet, sets the error of out.
 */
void	 mta_packets_add_macros(struct mta_packets *, int command, size_t n,
	    const char *queue_id, struct buf *out);
/* Adds the macros and the event. Not for the body. */
void	 mta_packets_add_event(struct mta_packets *, int command, size_t n,
	    const char *queue_id, struct buf *out);
/* The macros of an event, valid until the next call for these packets. */
const struct mta_macros *mta_packets_macros(struct mta_packets *, int command, size_t n,
	    const char *queue_id);
/* The header of the message at index n, or NULL. */
const struct mta_header *mta_packets_header(const struct mta_packets *, size_t n);

#endif
