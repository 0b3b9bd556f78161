/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/quota.c: whose turn it is when `processes' is reached.
 */
#include "base/compat.h"

#include <stdlib.h>

#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/quota.h"

#define TURN_MS	20	/* ms that an engine has to use what has become free */

struct handler_quota {
	unsigned char	*refused;	/* by engine: 1 if it was refused a process and waits */
	unsigned int	 nrefused;
	unsigned int	 last_freed;	/* the engines that had their turn last */
	unsigned int	 last_reclaimed;
	uint64_t	 due;		/* ms: when others have their turn; MONO_NEVER: not */
};

struct quota {
	struct handler_quota	*handlers;
	unsigned int		 nhandlers, nengines;
};

struct quota *
quota_new(unsigned int nhandlers, unsigned int nengines)
{
	struct quota	*q = xcalloc(1, sizeof(*q));

	q->nengines = nengines;
	quota_grow(q, nhandlers);
	return q;
}

void
quota_grow(struct quota *q, unsigned int nhandlers)
{
	struct handler_quota	*h;

	if (nhandlers <= q->nhandlers)
		return;
	q->handlers = xreallocarray(q->handlers, nhandlers, sizeof(*q->handlers));
	for (; q->nhandlers < nhandlers; q->nhandlers++) {
		h = &q->handlers[q->nhandlers];
		h->refused = xcalloc(q->nengines, 1);
		h->nrefused = 0;
		h->last_freed = h->last_reclaimed = q->nengines - 1;
		h->due = MONO_NEVER;
	}
}

void
quota_free(struct quota *q)
{
	unsigned int	 i;

	for (i = 0; i < q->nhandlers; i++)
		free(q->handlers[i].refused);
	free(q->handlers);
	free(q);
}

void
quota_refused(struct quota *q, uint32_t handler, unsigned int engine)
{
	struct handler_quota	*h = &q->handlers[handler];

	if (!h->refused[engine])
		h->nrefused++;
	h->refused[engine] = 1;
}

static void
clear(struct handler_quota *h, unsigned int engine)
{
	if (h->refused[engine])
		h->nrefused--;
	h->refused[engine] = 0;
	if (h->nrefused == 0)
		h->due = MONO_NEVER;
}

int
quota_reclaim_from(struct quota *q, uint32_t handler, unsigned int engine,
    int (*has)(unsigned int, uint32_t, void *), void *arg)
{
	struct handler_quota	*h = &q->handlers[handler];
	unsigned int		 i, e;

	for (i = 1; i <= q->nengines; i++) {
		e = (h->last_reclaimed + i) % q->nengines;
		if (e != engine && has(e, handler, arg)) {
			h->last_reclaimed = e;
			return (int)e;
		}
	}
	return -1;
}

int
quota_freed(struct quota *q, uint32_t handler, uint64_t now)
{
	struct handler_quota	*h = &q->handlers[handler];
	unsigned int		 i, e;

	for (i = 1; i <= q->nengines; i++) {
		e = (h->last_freed + i) % q->nengines;
		if (h->refused[e]) {
			h->last_freed = e;
			h->due = now + TURN_MS;
			clear(h, e);
			return (int)e;
		}
	}
	return -1;
}

void
quota_engine_gone(struct quota *q, unsigned int engine, uint64_t now)
{
	unsigned int	 i;

	for (i = 0; i < q->nhandlers; i++) {
		q->handlers[i].due = now;
		clear(&q->handlers[i], engine);
	}
}

void
quota_all_due(struct quota *q, uint64_t now)
{
	unsigned int	 i;

	for (i = 0; i < q->nhandlers; i++)
		if (q->handlers[i].nrefused > 0)
			q->handlers[i].due = now;
}

int
quota_due(struct quota *q, uint64_t now)
{
	unsigned int	 i;

	for (i = 0; i < q->nhandlers; i++)
		if (q->handlers[i].due <= now) {
			q->handlers[i].due = MONO_NEVER;
			return (int)i;
		}
	return -1;
}

uint64_t
quota_next(const struct quota *q)
{
	uint64_t	 next = MONO_NEVER;
	unsigned int	 i;

	for (i = 0; i < q->nhandlers; i++)
		if (q->handlers[i].due < next)
			next = q->handlers[i].due;
	return next;
}
