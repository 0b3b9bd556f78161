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
	size_t		 first, end;	/* new headers from first to below end are old ones that stay */
	uint32_t	*kept;		/* of each new one among these: which old one, from 0, rising */
	uint32_t	*index;		/* of each old one: the how manyth of its name, from 1 */
};

/*
 * Finds what costs least, where a new header that does not stay costs one, an
 * old one that does not stay too, and one that stays with a new value. Names
 * are spelled alike in what stays: the MTAs disagree about whose spelling wins.
 */
void	 header_diff_find(const struct mailfile *old, const struct mailfile *new, struct header_diff *);
void	 header_diff_free(struct header_diff *);

#endif
