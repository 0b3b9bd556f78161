/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/known.c: what the processes of the handlers were told of a session. No other file
 * writes session.changed and session.again.
 */
#include "base/compat.h"

#include "state/known.h"

#define EVERYBODY	(~(uint64_t)0)

void
known_changed(struct session *s, uint64_t *told)
{
	*told = 0;
	s->changed = EVERYBODY;
}

void
known_lost(struct session *s, uint64_t told)
{
	s->again |= told;
}

static void
forget_mailboxes(struct mailbox_list *list, uint64_t bit)
{
	struct mailbox	*m;

	TAILQ_FOREACH(m, list, entry)
		m->told &= ~bit;
}

void
known_forget(struct session *s, unsigned int index)
{
	struct message	*msg = s->message;
	uint64_t	 bit = known_bit(index);

	s->again &= ~bit;
	s->changed |= bit;
	s->told_client &= ~bit;
	s->told_helo &= ~bit;
	macros_untell(&s->macros, bit);
	context_untell(&s->context, bit);
	s->h[index].told_count = 0;
	if (msg == NULL)
		return;
	msg->sender->told &= ~bit;
	forget_mailboxes(&msg->recipients, bit);
	forget_mailboxes(&msg->refused, bit);
	known_free_refused(msg);
}

void
known_recipients(struct session *s, uint64_t bits, int told)
{
	struct mailbox	*m;

	TAILQ_FOREACH(m, &s->message->recipients, entry) {
		if (m->own)
			continue;
		if (told)
			m->told |= bits;
		else
			m->told &= ~bits;
	}
	if (!told)
		s->changed |= bits;
}

void
known_message_begins(struct session *s)
{
	unsigned int	 i;

	known_changed(s, &s->message->sender->told);
	/* A process can't know which of its macros belonged to the last message. */
	known_lost(s, macros_told_of_message(&s->macros));
	for (i = 0; i < s->nh; i++)
		s->h[i].told_count = 0;
}

void
known_message_ends(struct session *s)
{
	context_end_message(&s->context);
	known_collect(s);
	s->changed = EVERYBODY;
}

void
known_recipient_taken(struct session *s, struct mailbox *m)
{
	s->changed |= ~m->told;
}

void
known_recipient_refused(struct session *s, struct mailbox *m)
{
	if (m->told == 0) {
		mailbox_free(m);
		return;
	}
	s->changed |= m->told;
	TAILQ_INSERT_TAIL(&s->message->refused, m, entry);
}

void
known_free_refused(struct message *msg)
{
	struct mailbox	*m, *next;

	TAILQ_FOREACH_SAFE(m, &msg->refused, entry, next)
		if (m->told == 0) {
			TAILQ_REMOVE(&msg->refused, m, entry);
			mailbox_free(m);
		}
}

void
known_collect(struct session *s)
{
	if (s->macros.changed) {
		s->macros.changed = 0;
		known_lost(s, s->macros.lost);
		s->macros.lost = 0;
		s->changed |= s->takes_macros;
		s->ids_stale = 1;
	}
	if (s->context.changed) {
		s->context.changed = 0;
		known_lost(s, s->context.lost);
		s->context.lost = 0;
		s->changed = EVERYBODY;
	}
}

int
known_has_news(const struct session *s, uint64_t bit)
{
	return (s->changed & bit) != 0;
}

int
known_is_wrong(const struct session *s, uint64_t bit)
{
	return (s->again & bit) != 0;
}

void
known_told_all(struct session *s, uint64_t bit)
{
	s->changed &= ~bit;
}
