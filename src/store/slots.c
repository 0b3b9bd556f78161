/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/slots.c: what an engine shows of its handler processes.
 */
#include "base/compat.h"

#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "store/shared.h"
#include "store/slots.h"

/* The highest 16 bits of an id are the number of the place, the others count processes. */
#define PLACE_SHIFT	48
#define PLACES		0xffffu	/* at most; this number is no place */

struct slots {
	size_t				 n;		/* places */
	struct slots_process		*ours;		/* to be written */
	const struct slots_process	*all;		/* to be read; NULL: this process may not */
	/* The engine's own: */
	uint64_t			 taken;		/* how many there ever were */
	size_t				 fresh;		/* places that were used */
	uint32_t			*unused;	/* places among those that are free again */
	size_t				 nunused;
	struct slots_process		 nobody;	/* the place of those without one */
};

struct slots *
slots_new(size_t n)
{
	struct slots	*s = xcalloc(1, sizeof(*s));
	const void	*all;

	s->n = n < PLACES ? n : PLACES;
	s->ours = shared_map((s->n + 1) * sizeof(*s->ours), &all);
	s->all = all;
	return s;
}

void
slots_leave(struct slots *s)
{
	if (s->all == NULL)
		return;
	(void)munmap(s->ours, (s->n + 1) * sizeof(*s->ours));
	(void)munmap((void *)(uintptr_t)s->all, (s->n + 1) * sizeof(*s->ours));
	s->ours = NULL;
	s->all = NULL;
}

void
slots_free(struct slots *s)
{
	slots_leave(s);
	free(s->unused);
	free(s);
}

static uint64_t
take_place(struct slots *s)
{
	if (s->nunused > 0)
		return s->unused[--s->nunused];
	if (s->fresh < s->n)
		return s->fresh++;
	return PLACES;
}

uint64_t
slots_take(struct slots *s, struct slots_process **at)
{
	uint64_t	 place = take_place(s), id = place << PLACE_SHIFT | ++s->taken;

	*at = place < s->n ? &s->ours[place] : &s->nobody;
	memset(*at, 0, sizeof(**at));
	(*at)->id = id;
	(*at)->state = UINT32_MAX;
	return id;
}

void
slots_drop(struct slots *s, uint64_t id)
{
	uint64_t	 place = id >> PLACE_SHIFT;

	if (place >= s->n)
		return;
	s->ours[place].id = 0;
	if (s->unused == NULL)
		s->unused = xcalloc(s->n, sizeof(*s->unused));
	s->unused[s->nunused++] = (uint32_t)place;
}

int
slots_read(const struct slots *s, uint64_t id, struct slots_process *p)
{
	uint64_t	 place = id >> PLACE_SHIFT;

	if (place >= s->n || s->all == NULL)
		return 0;
	*p = s->all[place];
	p->ids[sizeof(p->ids) - 1] = '\0';
	return p->id == id;
}
