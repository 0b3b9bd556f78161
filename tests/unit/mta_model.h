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

#include "base/buf.h"
#include "mail/text.h"
#include "reply/decode.h"

enum mta { POSTFIX, SENDMAIL };

/*
 * The old header, changed by the MTA as session/edits.h makes packets of the list,
 * which is emptied: *got is what is delivered below its own Received, and *want
 * the new header, each as "Name:value" and LF, one after the other. The caller
 * frees both. What is wrong stands in *got in brackets: something above
 * Received, or beside a header that Sendmail supplied. leading_space: values
 * carry their space, as negotiated.
 */
void	 mta_model_run(enum mta, const struct mailfile *old, const struct mailfile *new,
	    struct action_list *, int leading_space, char **want, char **got);

#endif
