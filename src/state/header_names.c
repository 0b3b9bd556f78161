/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/header_names.c: how many headers of each name a message has.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/header_names.h"
#include "base/xmalloc.h"

static int
compare_names(struct header_name *a, struct header_name *b)
{
	return strcasecmp(a->name, b->name);
}

RB_GENERATE_STATIC(header_name_tree, header_name, entry, compare_names)

void
header_names_init(struct header_names *h)
{
	RB_INIT(&h->tree);
	h->bytes = 0;
}

void
header_names_clear(struct header_names *h)
{
	struct header_name	*n;

	while ((n = RB_ROOT(&h->tree)) != NULL) {
		RB_REMOVE(header_name_tree, &h->tree, n);
		free(n);
	}
	h->bytes = 0;
}

static struct header_name *
find_count(struct header_names *h, const char *name)
{
	struct header_name	 key;

	key.name = name;
	return RB_FIND(header_name_tree, &h->tree, &key);
}

void
header_names_add(struct header_names *h, const char *name)
{
	struct header_name	*n = find_count(h, name);
	size_t			 len = strlen(name);

	if (n != NULL) {
		n->count++;
		return;
	}
	if (h->bytes > HEADER_NAMES_MAX)
		return;
	n = xcalloc(1, sizeof(*n) + len + 1);
	memcpy(n->stored, name, len + 1);
	n->name = n->stored;
	n->count = 1;
	h->bytes += sizeof(*n) + len;
	RB_INSERT(header_name_tree, &h->tree, n);
}

uint32_t
header_names_count(struct header_names *h, const char *name)
{
	struct header_name	*n = find_count(h, name);

	return n == NULL ? 0 : n->count;
}
