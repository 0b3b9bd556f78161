/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/changes.c: which handlers and listeners are new, gone or changed.
 */
#include "base/compat.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "supervisor/changes.h"

#define NAMES_MAX	1000	/* bytes of the names in one list */

static const struct handler_conf *
find(const struct conf *conf, const char *name)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (strcmp(conf->handlers[i].name, name) == 0)
			return &conf->handlers[i];
	return NULL;
}

static int
is_missing(const struct conf *other, const struct handler_conf *h)
{
	return find(other, h->name) == NULL;
}

static int
is_changed(const struct conf *other, const struct handler_conf *h)
{
	const struct handler_conf	*o = find(other, h->name);

	return o != NULL && (o->digest != h->digest || o->uid != h->uid || o->gid != h->gid);
}

/* Adds "2 WHAT (spam, greylist)": the handlers of conf that fit. */
static void
list(struct buf *b, const char *what, const struct conf *conf, const struct conf *other,
    int (*fits)(const struct conf *, const struct handler_conf *))
{
	struct buf	 names;
	unsigned int	 n = 0;
	size_t		 i;

	buf_init(&names, NAMES_MAX);
	for (i = 0; i < conf->nhandlers; i++)
		if (fits(other, &conf->handlers[i]))
			buf_printf(&names, "%s%s", n++ == 0 ? "" : ", ", conf->handlers[i].name);
	buf_printf(b, "%u %s", n, what);
	if (n > 0 && buf_ok(&names))
		buf_printf(b, " (%.*s)", (int)names.len, (const char *)names.data);
	buf_free(&names);
}

/* How many listeners of conf the other has not. */
static unsigned int
count_missing(const struct conf *conf, const struct conf *other)
{
	unsigned int	 n = 0;
	size_t		 i, j;

	for (i = 0; i < conf->nlistens; i++) {
		for (j = 0; j < other->nlistens; j++)
			if (netaddr_equal(&conf->listens[i].addr, &other->listens[j].addr))
				break;
		n += j == other->nlistens;
	}
	return n;
}

void
changes_log(const struct conf *old, const struct conf *new)
{
	struct buf	 b;

	buf_init(&b, 4 * NAMES_MAX);
	list(&b, "new", new, old, is_missing);
	buf_add_str(&b, ", ");
	list(&b, "gone", old, new, is_missing);
	buf_add_str(&b, ", ");
	list(&b, "changed", new, old, is_changed);
	log_info("configuration read again: handlers %.*s; listeners %u new, %u gone", (int)b.len,
	    (const char *)b.data, count_missing(new, old), count_missing(old, new));
	buf_free(&b);
}
