/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/message.c: a message begins and ends; the actions that handlers want for its end.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/log_limit.h"
#include "base/xmalloc.h"
#include "session/message.h"
#include "session/scope.h"
#include "session/session.h"
#include "state/current.h"
#include "state/ids.h"
#include "state/known.h"

/* A message that was freed is kept: sessions come and go, and each has one at most. */
static struct message	*spare;

static struct message *
message_new(void)
{
	struct message	*msg = spare != NULL ? spare : xmalloc(sizeof(*msg));

	spare = NULL;
	memset(msg, 0, sizeof(*msg));
	return msg;
}

void
message_open(struct session *s, const struct milter_cmd *cmd)
{
	struct message	*msg = message_new();

	msg->number = ++s->nmessages;
	snprintf(msg->id, sizeof(msg->id), "%s.%u", s->id, msg->number);
	msg->sender = mailbox_new(cmd->u.envelope.address, cmd->u.envelope.args);
	msg->envelope_bytes = mailbox_bytes(msg->sender);
	TAILQ_INIT(&msg->recipients);
	TAILQ_INIT(&msg->refused);
	TAILQ_INIT(&msg->kept);
	TAILQ_INIT(&msg->difference);
	buf_init(&msg->changes, 2048);
	header_names_init(&msg->headers);
	newline_init(&msg->to_lf);
	s->message = msg;
	s->ids_stale = 1;
	known_message_begins(s);
	ids_write_first(s);
}

static void
free_mailboxes(struct mailbox_list *list)
{
	struct mailbox	*m;

	while ((m = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, m, entry);
		mailbox_free(m);
	}
}

static void
drop_contents(struct message *msg)
{
	free_mailboxes(&msg->recipients);
	free_mailboxes(&msg->refused);
	action_list_clear(&msg->kept);
	msg->nkept = 0;
	header_names_clear(&msg->headers);
	action_list_clear(&msg->difference);
	store_release(msg->store);
	store_release(msg->version);
	msg->store = msg->version = NULL;
}

void
session_shed(struct session *s)
{
	if (s->message == NULL || session_is_shed(s))
		return;
	s->message->refusal = REFUSAL_MEMORY;
	drop_contents(s->message);
	log_limited(s->listen->spec, "messages that memory was short for at", LOG_WARNING, s->ids,
	    "message %s: not enough memory: what was kept of it is dropped, and it is refused",
	    s->message->id);
}

size_t
session_message_bytes(const struct session *s)
{
	const struct message	*msg = s->message;
	size_t			 n;

	if (msg == NULL || session_is_shed(s))
		return 0;
	n = msg->store == NULL ? 0 : store_len(msg->store);
	/* A larger one is in a file. */
	return msg->envelope_bytes + (n <= STORE_MEMORY ? n : 0);
}

static void
message_free(struct message *msg)
{
	drop_contents(msg);
	mailbox_free(msg->sender);
	buf_free(&msg->changes);
	free(msg->received);
	if (spare == NULL)
		spare = msg;
	else
		free(msg);
}

/* Ends what the handlers have said of the message, and their scopes. */
static void
end_for_handlers(struct session *s)
{
	struct hstate	*h;
	unsigned int	 i;

	for (i = 0; i < s->nh; i++) {
		h = &s->h[i];
		if (session_handler(s, i)->scope == SCOPE_MESSAGE)
			scope_end(s, i);
		h->accepted_message = 0;
		h->skip_header = h->skip_body = 0;
		h->large = h->large_due = 0;
	}
}

void
message_close(struct session *s)
{
	if (s->message == NULL)
		return;
	current_clear(&s->cur);
	current_free_buffers(&s->cur);
	end_for_handlers(s);
	message_free(s->message);
	s->message = NULL;
	known_message_ends(s);
	ids_write_first(s);
	ids_update(s);
}

static void
drop_action(struct message *msg, struct action *a)
{
	TAILQ_REMOVE(&msg->kept, a, entry);
	msg->nkept--;
	action_free(a);
}

void
message_drop_actions(struct message *msg, unsigned int index)
{
	struct action	*a, *next;

	TAILQ_FOREACH_SAFE(a, &msg->kept, entry, next)
		if (a->handler == index)
			drop_action(msg, a);
}

void
message_drop_event_actions(struct message *msg, unsigned int event_no)
{
	struct action	*a, *next;

	TAILQ_FOREACH_SAFE(a, &msg->kept, entry, next)
		if (a->event_no == event_no)
			drop_action(msg, a);
}
