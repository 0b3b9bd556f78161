/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/ids.c: session id, message id and queue id, as blocks and the log have them.
 */
#include "base/compat.h"

#include <string.h>

#include "base/log_limit.h"
#include "state/ids.h"

/* Adds a line to the first lines. Returns their length, or what it would be with more room. */
static size_t
put_line(struct session *s, size_t at, const char *name, const char *id)
{
	size_t	 name_len = strlen(name), id_len = strlen(id), end = at + name_len + id_len + 2;

	if (end <= sizeof(s->first)) {
		memcpy(s->first + at, name, name_len);
		s->first[at + name_len] = ' ';
		memcpy(s->first + at + name_len + 1, id, id_len);
		s->first[end - 1] = '\n';
	}
	return end;
}

/* Without printf(3): each message has this twice. We make both ids, so nothing is escaped. */
void
ids_write_first(struct session *s)
{
	size_t	 n = put_line(s, 0, "session", s->id);

	if (s->message != NULL)
		n = put_line(s, n, "message", s->message->id);
	if (n > sizeof(s->first)) {
		log_bug(s->ids, "the ids of session %s are too long; its blocks have none", s->id);
		s->broken = 1;
		n = 0;
	}
	s->first_len = (unsigned int)n;
}

const char *
ids_queue_id(const struct session *s)
{
	if (s->message != NULL && s->message->queue_id[0] != '\0')
		return s->message->queue_id;
	return macros_get(&s->macros, "i");
}

/* The message keeps the queue id, since Postfix leaves it out in some stages. */
void
ids_update(struct session *s)
{
	struct message	*msg = s->message;
	const char	*queue_id;

	s->ids_stale = 0;
	if (msg != NULL && (queue_id = macros_get(&s->macros, "i")) != NULL &&
	    *queue_id != '\0') {
		if (strcmp(msg->queue_id, queue_id) == 0)
			return;
		strlcpy(msg->queue_id, queue_id, sizeof(msg->queue_id));
	}
	strlcpy(s->ids, s->id, sizeof(s->ids));
	if (msg != NULL && msg->queue_id[0] != '\0') {
		strlcat(s->ids, " ", sizeof(s->ids));
		strlcat(s->ids, msg->queue_id, sizeof(s->ids));
	}
}
