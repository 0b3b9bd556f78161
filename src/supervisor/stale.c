/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/stale.c: how the files of a handler looked when a process was made of
 * them, compared with how they look later.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "supervisor/stale.h"

struct stale {
	uint32_t		 n;
	struct file_look	*looks;		/* one for each word of the command */
	unsigned char		*awaited;	/* by word: a start has not told its look yet */
	int			 renewed;	/* by a start, since the look began */
	int			 changed;
};

int
stale_matters(const struct handler_conf *h)
{
	return h->command != NULL &&
	    (h->reuse || h->processes_min > 0 || h->scope != SCOPE_EVENT);
}

struct stale *
stale_new(const struct handler_conf *h)
{
	struct stale	*s = xcalloc(1, sizeof(*s));

	while (h->command[s->n] != NULL)
		s->n++;
	s->looks = xcalloc(s->n, sizeof(*s->looks));
	s->awaited = xcalloc(s->n, sizeof(*s->awaited));
	return s;
}

void
stale_free(struct stale *s)
{
	free(s->looks);
	free(s->awaited);
	free(s);
}

void
stale_await(struct stale *s)
{
	memset(s->awaited, 1, s->n);
}

void
stale_remember(void *stale, uint32_t index, const struct file_look *look)
{
	struct stale	*s = stale;

	s->renewed = 1;
	if (index >= s->n)
		return;
	s->awaited[index] = 0;
	s->looks[index] = *look;
}

void
stale_begin(struct stale *s)
{
	s->renewed = s->changed = 0;
}

void
stale_compare(struct stale *s, uint32_t index, const struct file_look *look)
{
	if (s->renewed || index >= s->n || !look->known)
		return;
	/* A new file counts too: it may have been missing for a moment at the start. */
	s->changed |= !s->awaited[index] &&
	    memcmp(look, &s->looks[index], sizeof(*look)) != 0;
	s->awaited[index] = 0;
	s->looks[index] = *look;
}

int
stale_changed(const struct stale *s)
{
	return s->changed;
}

uint32_t
stale_count(const struct stale *s)
{
	return s->n;
}
