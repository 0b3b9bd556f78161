/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_int.h"
#include "xmalloc.h"

void
message_open(struct session *s, const struct milter_cmd *cmd)
{
	struct message	*msg = xcalloc(1, sizeof(*msg));

	snprintf(msg->id, sizeof(msg->id), "%s.%u", s->id, ++s->nmessages);
	msg->sender = mailbox_new(cmd->u.envelope.address, cmd->u.envelope.args);
	msg->envelope_bytes = mailbox_bytes(msg->sender);
	TAILQ_INIT(&msg->recipients);
	TAILQ_INIT(&msg->kept);
	header_names_init(&msg->headers);
	newline_init(&msg->to_lf);
	s->message = msg;
}

static void
message_free(struct message *msg)
{
	struct mailbox	*m;

	while ((m = TAILQ_FIRST(&msg->recipients)) != NULL) {
		TAILQ_REMOVE(&msg->recipients, m, entry);
		mailbox_free(m);
	}
	mailbox_free(msg->sender);
	action_list_clear(&msg->kept);
	header_names_clear(&msg->headers);
	free(msg->queue_id);
	free(msg);
}

void
message_close(struct session *s, int aborted)
{
	unsigned int	 i;

	if (s->message == NULL)
		return;
	if (aborted) {
		msglog_aborted(s);
		ask_begin(s, EV_ABORT, 0);
		ask_report(s);
	}
	current_clear(&s->cur);
	message_free(s->message);
	s->message = NULL;
	for (i = 0; i < s->nh; i++) {
		s->h[i].accepted_message = 0;
		s->h[i].skip_header = s->h[i].skip_body = 0;
	}
	context_end_message(&s->context);
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
message_drop_actions(struct message *msg, unsigned int place)
{
	struct action	*a, *next;

	TAILQ_FOREACH_SAFE(a, &msg->kept, entry, next)
		if (a->handler == place)
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
	mailbox_free(c->recipient);
	c->recipient = NULL;
	free(c->header_name);
	free(c->header_value);
	free(c->command);
	c->header_name = c->header_value = c->command = NULL;
	c->reason = NULL;
	smtp_reply_free(&c->smtp);
	c->verdict = VD_CONTINUE;
	c->asked = c->answered_by = -1;
	c->wire = 0;
	/* A connection at rest shall own no memory for a body. */
	buf_free(&c->raw);
	buf_free(&c->lf);
}

const char *
session_queue_id(const struct session *s)
{
	if (s->message != NULL && s->message->queue_id != NULL)
		return s->message->queue_id;
	return macros_get(&s->macros, "i");
}

/* The queue id is kept with the message: Postfix forgets it in some stages. */
void
session_update_ids(struct session *s)
{
	const char	*queue_id = macros_get(&s->macros, "i");

	if (s->message != NULL && queue_id != NULL && *queue_id != '\0' &&
	    (s->message->queue_id == NULL || strcmp(s->message->queue_id, queue_id) != 0)) {
		free(s->message->queue_id);
		s->message->queue_id = xstrndup(queue_id, 64);
	}
	if (s->message != NULL && s->message->queue_id != NULL)
		snprintf(s->ids, sizeof(s->ids), "%s %s", s->id, s->message->queue_id);
	else
		snprintf(s->ids, sizeof(s->ids), "%s", s->id);
}
