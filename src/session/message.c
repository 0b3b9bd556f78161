/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "session/parts.h"
#include "base/xmalloc.h"

/* The end of a text gets longer by another; both fit. Returns its new end. */
static char *
append(char *end, const char *text)
{
	size_t	 len = strlen(text);

	memcpy(end, text, len + 1);
	return end + len;
}

static char *
append_number(char *end, unsigned int n)
{
	char	 digits[16], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return append(end, p);
}

/* The ids are ours: there is nothing in them to escape. */
void
session_write_first(struct session *s)
{
	char	*end = append(append(append(s->first, "session "), s->id), "\n");

	if (s->message != NULL)
		end = append(append(append(end, "message "), s->message->id), "\n");
	s->first_len = (unsigned int)(end - s->first);
}

/* One that was freed is kept: sessions come and go, and each has one at most. */
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
	unsigned int	 i;

	msg->number = ++s->nmessages;
	append_number(append(append(msg->id, s->id), "."), msg->number);
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
	/* Which of them belonged to the last message nobody could know. */
	s->again |= macros_told_of_message(&s->macros);
	s->changed = ~(uint64_t)0;
	for (i = 0; i < s->nh; i++)
		s->h[i].told_count = 0;
	session_write_first(s);
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
message_free(struct message *msg)
{
	free_mailboxes(&msg->recipients);
	free_mailboxes(&msg->refused);
	mailbox_free(msg->sender);
	action_list_clear(&msg->kept);
	header_names_clear(&msg->headers);
	action_list_clear(&msg->difference);
	buf_free(&msg->changes);
	store_release(msg->store);
	store_release(msg->version);
	free(msg->received);
	if (spare == NULL)
		spare = msg;
	else
		free(msg);
}

/* What the handlers have said of the message, and their scopes, end with it. */
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
message_close(struct session *s, int aborted)
{
	if (s->message == NULL)
		return;
	if (aborted) {
		msglog_aborted(s);
		ask_begin(s, EV_ABORT, 0);
		ask_report(s);
	}
	current_clear(&s->cur);
	/* A connection at rest shall own no memory for a body. */
	buf_free(&s->cur.kept);
	buf_free(&s->cur.raw);
	buf_free(&s->cur.lf);
	end_for_handlers(s);
	message_free(s->message);
	s->message = NULL;
	context_end_message(&s->context);
	session_note_changes(s);
	s->changed = ~(uint64_t)0;
	session_write_first(s);
	session_update_ids(s);
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

void
current_clear(struct current *c)
{
	if (c->recipient != NULL) {
		mailbox_free(c->recipient);
		c->recipient = NULL;
	}
	c->rejected = 0;
	if (c->command != NULL) {
		free(c->command);
		c->command = NULL;
	}
	c->header_name = c->header_value = c->reason = NULL;
	if (c->verdict != VD_CONTINUE) {
		smtp_reply_free(&c->smtp);
		c->verdict = VD_CONTINUE;
	}
	c->asked = c->answered_by = -1;
	c->wire = 0;
	buf_reset(&c->kept);
	buf_reset(&c->raw);
	buf_reset(&c->lf);
}

void
current_keep(struct current *c)
{
	size_t	 before;

	if (c->header_name == NULL || c->kept.len > 0)
		return;
	/* In a packet the value stands behind the name. */
	before = (size_t)(c->header_value - c->header_name);
	buf_add(&c->kept, c->header_name, before + strlen(c->header_value) + 1);
	c->header_name = (char *)c->kept.data;
	c->header_value = c->header_name + before;
}

void
session_note_changes(struct session *s)
{
	if (s->macros.changed) {
		s->macros.changed = 0;
		s->again |= s->macros.lost;
		s->macros.lost = 0;
		s->changed |= s->takes_macros;
		s->ids_stale = 1;
	}
	if (s->context.changed) {
		s->context.changed = 0;
		s->again |= s->context.lost;
		s->context.lost = 0;
		s->changed = ~(uint64_t)0;
	}
}

const char *
session_queue_id(const struct session *s)
{
	if (s->message != NULL && s->message->queue_id[0] != '\0')
		return s->message->queue_id;
	return macros_get(&s->macros, "i");
}

/* The queue id is kept with the message: Postfix forgets it in some stages. */
void
session_update_ids(struct session *s)
{
	struct message	*msg = s->message;
	const char	*queue_id;
	char		*end;

	s->ids_stale = 0;
	if (msg != NULL && (queue_id = macros_get(&s->macros, "i")) != NULL &&
	    *queue_id != '\0') {
		if (strcmp(msg->queue_id, queue_id) == 0)
			return;
		strlcpy(msg->queue_id, queue_id, sizeof(msg->queue_id));
	}
	end = append(s->ids, s->id);
	if (msg != NULL && msg->queue_id[0] != '\0')
		append(append(end, " "), msg->queue_id);
}
