/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * block/restart.c: a process has ended within a scope, and another one begins with a block
 * that was made for the first. This block becomes complete, with the facts of now. The
 * blocks after it in the scope say what was new when they were made, and that is right for
 * all facts of which a reader keeps the last value. Recipients are a list: each must be said
 * once, so they are moved between the blocks.
 */
#include "base/compat.h"

#include <string.h>

#include "block/block.h"
#include "block/sink.h"
#include "config/handler_conf.h"
#include "state/known.h"

/* The blocks that the new process reads. */
struct rest {
	struct session	*s;
	struct task	*first;		/* the one that is made again */
	struct task	*end;		/* after the last that builds on first; NULL: there is none */
	struct task	*lister;	/* says the recipients of the open message; NULL: none can */
	uint64_t	 bit;		/* of the handler; 0: first tells nothing that stays */
};

/* 1 if the block belongs to the message that is open. */
static int
is_of_open(const struct session *s, const struct task *t)
{
	return s->message != NULL && s->message->number == t->message_no;
}

/* Marks the recipients that own lines of the blocks say. */
static void
mark_own(const struct rest *r)
{
	const struct task	*t;
	struct mailbox		*m;

	TAILQ_FOREACH(m, &r->s->message->recipients, entry)
		m->own = 0;
	for (t = r->first; t != r->end; t = TAILQ_NEXT(t, in_session)) {
		if (t->recipient == 0)
			continue;
		TAILQ_FOREACH(m, &r->s->message->recipients, entry)
			if (m->number == t->recipient)
				m->own = 1;
	}
}

static void
rest_init(struct rest *r, struct session *s, struct task *first)
{
	const struct hstate	*h = &s->h[first->index];
	struct task		*t = first;

	memset(r, 0, sizeof(*r));
	r->s = s;
	r->first = first;
	do {
		/* A block of rcpt has no recipient but its own. */
		if (r->lister == NULL && is_of_open(s, t) && t->event != EV_RCPT)
			r->lister = t;
		t = TAILQ_NEXT(t, in_session);
	} while (t != NULL && !t->begins && !t->complete);
	r->end = t;
	/* The reader of a complete block forgets what the blocks before it said. */
	if (h->in_scope && h->scope == first->scope && (t == NULL || t->begins))
		r->bit = known_bit(first->index);
}

static int
begins_with(const unsigned char *p, size_t len, const char *word)
{
	size_t	 n = strlen(word);

	return len >= n && memcmp(p, word, n) == 0;
}

/* Takes the recipients out of the facts before the own lines of a block. */
static void
strip_recipients(struct task *t)
{
	unsigned char	*p = t->block.data + t->state_at, *end = t->block.data + t->own_at;
	unsigned char	*to = p;
	size_t		 n;

	for (; p < end; p += n) {
		n = (size_t)((unsigned char *)memchr(p, '\n', (size_t)(end - p)) + 1 - p);
		if (begins_with(p, n, "recipient ") || begins_with(p, n, "recipient-domain ") ||
		    begins_with(p, n, "recipient-argument "))
			continue;
		memmove(to, p, n);
		to += n;
	}
	n = (size_t)(end - to);
	memmove(to, end, t->block.len - t->own_at);
	t->block.len -= n;
	t->own_at -= n;
	t->state_len -= n;
}

/* Puts the recipients that no own line says before the own lines of a block. */
static void
insert_recipients(struct session *s, struct task *t)
{
	struct buf	 old = t->block;
	struct sink	 k;
	struct mailbox	*m;

	buf_init(&t->block, old.max);
	block_sink_init(&k, s, t, &t->block);
	buf_add(&t->block, old.data, t->own_at);
	TAILQ_FOREACH(m, &s->message->recipients, entry)
		if (!m->own)
			block_put_recipient(&k, m);
	t->state_len += t->block.len - t->own_at;
	buf_add(&t->block, old.data + t->own_at, old.len - t->own_at);
	t->own_at += t->block.len - old.len;
	buf_free(&old);
}

/* The blocks after the first one. */
static void
rest_write(const struct rest *r)
{
	struct task	*t;

	for (t = TAILQ_NEXT(r->first, in_session); t != r->end; t = TAILQ_NEXT(t, in_session)) {
		if (!is_of_open(r->s, t) || !buf_ok(&t->block))
			continue;
		strip_recipients(t);
		if (t == r->lister)
			insert_recipients(r->s, t);
	}
	known_recipients(r->s, r->bit, r->lister != NULL);
}

/* Writes the facts of an old block again, all of them, around the event's own lines. */
static void
replace_state(struct session *s, struct task *t)
{
	struct sink	 k;
	struct rest	 r;
	struct buf	 old = t->block;
	size_t		 own_at = t->own_at, end = t->state_at + t->state_len;

	/* There was no memory for it, so its parts are not where they should be. */
	if (!buf_ok(&old))
		return;
	buf_init(&t->block, old.max);
	block_sink_init(&k, s, t, &t->block);
	rest_init(&r, s, t);
	t->complete = k.complete = k.again = 1;
	if (is_of_open(s, t)) {
		k.msg = s->message;
		mark_own(&r);
	}
	k.over = k.msg == NULL && (s->message != NULL || t->message_no != 0);
	macros_show(&s->macros, r.bit, k.over);
	context_show(&s->context, r.bit, k.over);
	/*
	 * The blocks after this one say what was true when they were made. So this block
	 * notes nothing but recipients as told, or a change since then would never be.
	 */
	k.bit = 0;
	buf_add(&t->block, old.data, t->state_at);
	block_put_before_own(&k, 1);
	t->own_at = t->block.len;
	buf_add(&t->block, old.data + own_at, t->own_len);
	block_put_after_own(&k, 1);
	t->state_len = t->block.len - t->state_at;
	buf_add(&t->block, old.data + end, old.len - end);
	buf_free(&old);
	if (k.msg != NULL)
		rest_write(&r);
}

void
block_restart(struct session *s, struct task *t)
{
	int	 is_current = !t->report && !t->shadow && s->cur.asked == (int)t->index;

	/* A message as input says nothing of other events, so that there is nothing to add. */
	if (t->input != NULL) {
		block_before_message(session_handler(s, t->index), t);
		return;
	}
	if (is_current) {
		buf_reset(&t->block);
		block_encode(s, t->index, t);
	} else
		replace_state(s, t);
	buf_reset(&t->env);
	if (!session_handler(s, t->index)->reuse)
		block_environment(s, t, is_current, &t->env);
}
