/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/header_names.h: how many headers of each name a message has, to judge the changes
 * that handlers want.
 */
#ifndef PM_STATE_HEADER_NAMES_H
#define PM_STATE_HEADER_NAMES_H

#include <stdint.h>

#include "base/compat.h"
#include <sys/tree.h>

struct header_name {
	RB_ENTRY(header_name)	 entry;
	const char		*name;		/* points to stored, or to a key */
	uint32_t		 count;
	char			 stored[];
};
RB_HEAD(header_name_tree, header_name);

struct header_names {
	struct header_name_tree	 tree;
	size_t			 bytes;
};

/*
 * Bytes of memory for all names. Names that come after that are not counted, so that a change
 * of such a header is a failure.
 */
#define HEADER_NAMES_MAX	(256 * 1024)

void	 header_names_init(struct header_names *);
/* Frees all names. */
void	 header_names_clear(struct header_names *);
/* Counts one header of this name, which is copied. Case does not matter. */
void	 header_names_add(struct header_names *, const char *name);
/* How many were counted. */
uint32_t header_names_count(struct header_names *, const char *name);

#endif
