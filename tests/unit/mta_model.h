/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_model.h: what Sendmail and Postfix make of a header when they are sent
 * packets of h, i and m, each by its own index rules.
 */
#ifndef PM_MTA_MODEL_H
#define PM_MTA_MODEL_H

#include "buf.h"
#include "mailfile.h"
#include "reply_dec.h"

enum mta { POSTFIX, SENDMAIL };

/*
 * The header as it is delivered, below the MTA's own Received, one "Name:value"
 * and LF after the other; the caller frees it. What is wrong stands in it in
 * brackets: something above Received, or beside a header that Sendmail supplied.
 * leading_space: values carry their space, as negotiated.
 */
char	*mta_model(enum mta, const struct mailfile *came, const struct buf *packets,
	    int leading_space);

/*
 * Does what edits.h makes of the list, which is emptied, turn the old header
 * into the new one in both? Returns "", or a text that says what came out,
 * valid until the next call. npackets, if not NULL, gets their number.
 */
const char *mta_model_compare(const struct mailfile *old, const struct mailfile *new,
	    struct action_list *, int leading_space, size_t *npackets);

#endif
