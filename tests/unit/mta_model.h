/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta_model.h: what Sendmail and Postfix make of a header when they get packets
 * of h, i and m, each by its own index rules.
 */
#ifndef PM_MTA_MODEL_H
#define PM_MTA_MODEL_H

#include "base/buf.h"
#include "mail/text.h"
#include "reply/decode.h"

enum mta { POSTFIX, SENDMAIL };

/*
 * Runs the list, which is emptied, as session/edits.h makes packets of it, on
 * the old header. *got is what is delivered below the MTA's own Received, *want
 * is the new header, each as "Name:value" and LF, one after the other. The
 * caller frees both. *got has in brackets what is wrong: something above
 * Received, or next to a header that Sendmail supplied. leading_space: values
 * carry their space, as negotiated.
 */
void	 mta_model_run(enum mta, const struct mailfile *old, const struct mailfile *new,
	    struct action_list *, int leading_space, char **want, char **got);

#endif
