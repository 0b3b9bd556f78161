/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include "block/block.h"
#include "session/parts.h"

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

static void
note_over(struct hstate *h)
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
	 * One that ends a scope belongs to an earlier one, which has the process
	 * still: a line is in order.
	 */
	if (last != NULL)
		last->ends = 1;
	else
		note_over(h);
}

void
session_scope_failed(struct session *s, unsigned int index, unsigned int scope)
{
	if (s->h[index].in_scope && s->h[index].scope == scope)
		s->h[index].failed = 1;
}

void
session_detach_task(struct task *t)
{
	struct session	*s = t->session;

	TAILQ_REMOVE(&s->h[t->index].tasks, t, in_session);
	s->ntasks--;
	s->task_bytes -= t->block.len + t->env.len;
	t->session = NULL;
}

void
session_drop_task(struct task *t)
{
	session_detach_task(t);
	task_free(t);
}

void
session_cancel_task(struct task *t)
{
	struct hstate	*h = &t->session->h[t->index];
	struct task	*before = TAILQ_PREV(t, task_list, in_session);

	if (t->ends && !t->begins) {
		if (before != NULL)
			before->ends = 1;
		else
			note_over(h);
	}
	session_drop_task(t);
}

void
session_restart_scope(struct task *t)
{
	struct session	*s = t->session;

	t->begins = 1;
	s->task_bytes -= t->block.len + t->env.len;
	block_restart(s, t);
	s->task_bytes += t->block.len + t->env.len;
}
