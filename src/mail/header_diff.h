/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mail/header_diff.h: which headers of an old message stay where they are in a new
 * one; see mail/diff.h. Pure.
 */
#ifndef PM_MAIL_HEADER_DIFF_H
#define PM_MAIL_HEADER_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "mail/text.h"

struct header_diff {
	size_t		 first, end;	/* new headers first to below end stay */
	uint32_t	*kept;		/* for each of them: the old header's index, rising */
	uint32_t	*index;		/* for each old one: its index in its name, from 1 */
};

/*
 * Finds the cheapest difference. A new header that does not stay costs one, an
 * old header that does not stay costs one, and a header that stays with a new
 * value costs one. A header only stays under a name of the same spelling: the
 * MTAs disagree about whose spelling wins. Free the result with
 * header_diff_free().
 */
void	 header_diff_find(const struct mailfile *old, const struct mailfile *new, struct header_diff *);
void	 header_diff_free(struct header_diff *);

#endif
