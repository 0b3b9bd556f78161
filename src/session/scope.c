/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/scope.c: scopes of several events, each of which one process serves.
 */
#include "base/compat.h"

#include "session/scope.h"
#include "session/session.h"

int
scope_enter(struct session *s, unsigned int index, int *begins)
{
	struct hstate	*h = &s->h[index];

	switch (session_handler(s, index)->scope) {
	case SCOPE_EVENT:
		return 0;
	case SCOPE_MESSAGE:
		if (s->message == NULL)
			return 0;
		break;
	case SCOPE_SESSION:
		break;
	}
	*begins = !h->in_scope;
	h->scope += *begins != 0;
	h->in_scope = 1;
	return 1;
}

void
scope_leave(struct session *s, unsigned int index)
{
	s->h[index].in_scope = 0;
}

void
scope_note_over(struct hstate *h)
{
	if (h->scope_over)
		return;
	h->scope_over = 1;
	h->session->nscopes_over++;
}

void
scope_end(struct session *s, unsigned int index)
{
	struct hstate	*h = &s->h[index];
	struct task	*last = TAILQ_LAST(&h->tasks, task_list);

	if (!h->in_scope)
		return;
	h->in_scope = h->failed = 0;
	/*
	 * A last task that ends a scope already is of an earlier scope, which still has
	 * the process: tasks are given out in order.
	 */
	if (last != NULL)
		last->ends = 1;
	else
		scope_note_over(h);
}

void
session_scope_failed(struct session *s, unsigned int index, unsigned int scope)
{
	if (s->h[index].in_scope && s->h[index].scope == scope)
		s->h[index].failed = 1;
}
