/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/tasks.c: the tasks of a session: made, detached, dropped, cancelled, and made
 * the first of a scope.
 */
#include "base/compat.h"

#include <string.h>
#include <syslog.h>

#include "base/log_limit.h"
#include "base/memory.h"
#include "block/block.h"
#include "config/handler_conf.h"
#include "session/keep.h"
#include "session/scope.h"
#include "session/session.h"
#include "session/tasks.h"

/*
 * What may wait for the shadows of one session: tasks, and bytes; and for all shadows of this
 * process: bytes, of the memory that is left, and of the space for messages.
 */
#define SHADOW_TASKS	1000
#define SHADOW_BYTES	(16u * 1024 * 1024)
#define SHADOW_ALL	(64u * 1024 * 1024)
#define SHADOW_PART	4

/* What waits for all shadows. */
static size_t	 shadow_bytes;
static uint64_t	 shadow_messages;

static uint32_t
time_limit(const struct session *s, const struct handler_conf *h, int report)
{
	if (!report && s->cur.event == EV_END_OF_MESSAGE)
		return s->conf->message_timeout;
	return h->timeout;
}

/* 1 if nothing can follow the current event in its scope, which the process may know at once. */
static int
is_last(const struct session *s, const struct handler_conf *h)
{
	return s->cur.event == EV_END_OF_MESSAGE && h->scope == SCOPE_MESSAGE &&
	    (h->reports & EV_BIT(EV_ABORT)) == 0;
}

/* Returns 0 if there is not enough memory for the block. */
static int
encode(struct session *s, unsigned int index, struct task *t)
{
	const struct handler_conf	*h = session_handler(s, index);
	int				 begins = 1, lasts = scope_enter(s, index, &begins);

	t->begins = begins;
	t->ends = !lasts || is_last(s, h);
	t->scope = lasts ? s->h[index].scope : 0;
	if (h->input_message)
		keep_give(s, index, t);
	else
		block_encode(s, index, t);
	if (t->begins && !h->reuse)
		block_environment(s, t, 1, &t->env);
	if (lasts && t->ends)
		scope_leave(s, index);
	return buf_ok(&t->block) && buf_ok(&t->env);
}

/* What the task would have said, later ones of its scope leave out: so the scope has failed. */
static void
drop_unsaid(struct session *s, struct task *t)
{
	struct hstate	*h = &s->h[t->index];
	struct task	*before = TAILQ_LAST(&h->tasks, task_list);

	log_limited(session_handler(s, t->index)->name, "failures of handler", LOG_WARNING, s->ids,
	    "handler %s: %s%s: not enough memory to tell it of that",
	    session_handler(s, t->index)->name, t->report ? "report " : "",
	    event_name(t->event));
	if (t->ends && !t->begins) {
		if (before != NULL)
			before->ends = 1;
		else
			scope_note_over(h);
	}
	session_scope_failed(s, t->index, t->scope);
	task_free(t);
}

int
tasks_has_message(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (!conf_handler_wants_message(h) || s->cur.event != EV_END_OF_MESSAGE ||
	    s->message->store != NULL)
		return 1;
	log_bug(s->ids, "handler %s: %s: the message was not kept", h->name,
	    event_name(s->cur.event));
	s->broken = 1;
	return 0;
}

/* The files of the message, if the handler gets them with this event; or NULL. */
static struct spool *
message_files(const struct session *s, const struct handler_conf *h)
{
	if (!h->spool || s->cur.event != EV_END_OF_MESSAGE)
		return NULL;
	return spool_new(h, s->message->store, s->message->id);
}

/* 1 unless the messages that shadows hold with this one are too many bytes. One is always let. */
static int
has_room_for_message(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (!conf_handler_wants_message(h) || s->cur.event != EV_END_OF_MESSAGE ||
	    s->message->store == NULL || shadow_messages == 0)
		return 1;
	return shadow_messages + store_len(s->message->store) <=
	    s->conf->spool_limit / SHADOW_PART / s->conf->engines;
}

int
tasks_has_room(const struct session *s, unsigned int index)
{
	if (!session_handler(s, index)->shadow)
		return 1;
	/* With the last condition shadows have no more than a part of what the others leave. */
	return !s->memory_short && s->nshadow < SHADOW_TASKS &&
	    s->shadow_bytes < SHADOW_BYTES && shadow_bytes < SHADOW_ALL &&
	    has_room_for_message(s, index) &&
	    memory_has_room(shadow_bytes * (SHADOW_PART - 1));
}

/* Of a shadow all memory counts, since any number of its tasks may wait. */
static size_t
count_bytes(const struct task *t)
{
	size_t	 n = t->block.len + t->env.len;

	if (!session_handler(t->session, t->index)->shadow)
		return n;
	return n + sizeof(*t) + (t->message_len < STORE_MEMORY ? t->message_len : STORE_MEMORY);
}

void
session_recount_task(struct task *t)
{
	struct session	*s = t->session;
	size_t		 n = t->listed ? count_bytes(t) : 0;

	if (session_handler(s, t->index)->shadow) {
		s->shadow_bytes += n - t->counted;
		shadow_bytes += n - t->counted;
	} else
		s->task_bytes += n - t->counted;
	t->counted = n;
}

/* The task is put into the tasks of its session (1), or taken from them (0). */
static void
list_task(struct task *t, int listed)
{
	struct session	*s = t->session;
	unsigned int	 shadow = session_handler(s, t->index)->shadow != 0;

	t->listed = listed;
	if (listed) {
		TAILQ_INSERT_TAIL(&s->h[t->index].tasks, t, in_session);
		s->ntasks++;
		s->nshadow += shadow;
		shadow_messages += t->message_len;
	} else {
		TAILQ_REMOVE(&s->h[t->index].tasks, t, in_session);
		s->ntasks--;
		s->nshadow -= shadow;
		shadow_messages -= t->message_len;
	}
	session_recount_task(t);
}

/* What task.message_len is. */
static size_t
held_len(const struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if (!h->shadow || !conf_handler_wants_message(h) || s->cur.event != EV_END_OF_MESSAGE)
		return 0;
	return store_len(s->message->store);
}

int
tasks_add(struct session *s, unsigned int index, enum purpose purpose)
{
	struct task	*t;

	if (!tasks_has_message(s, index))
		return 0;
	t = task_new();
	t->session = s;
	t->index = index;
	t->handler = s->listen->handlers[index];
	t->event = s->cur.event;
	t->report = purpose == PURPOSE_REPORT;
	t->shadow = purpose == PURPOSE_SHADOW;
	t->message_no = s->message == NULL ? 0 : s->message->number;
	t->timeout = time_limit(s, session_handler(s, index), t->report);
	memcpy(t->ids, s->ids, sizeof(t->ids));
	t->spool = message_files(s, session_handler(s, index));
	t->message_len = held_len(s, index);
	if (!encode(s, index, t)) {
		drop_unsaid(s, t);
		return 0;
	}
	list_task(t, 1);
	return 1;
}

void
session_unlist_task(struct task *t)
{
	list_task(t, 0);
}

void
session_detach_task(struct task *t)
{
	if (t->listed)
		session_unlist_task(t);
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
			scope_note_over(h);
	}
	session_drop_task(t);
}

void
session_restart_scope(struct task *t)
{
	t->begins = 1;
	block_restart(t->session, t);
	/* The blocks after it in the scope may have changed too. */
	do
		session_recount_task(t);
	while ((t = TAILQ_NEXT(t, in_session)) != NULL && !t->begins);
}
