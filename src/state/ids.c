/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/ids.c: session id, message id and queue id, as blocks and the log have them.
 */
#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "base/log_limit.h"
#include "state/ids.h"

/* We make both ids: they hold nothing that has to be escaped. */
void
ids_write_first(struct session *s)
{
	int	 n;

	if (s->message == NULL)
		n = snprintf(s->first, sizeof(s->first), "session %s\n", s->id);
	else
		n = snprintf(s->first, sizeof(s->first), "session %s\nmessage %s\n", s->id,
		    s->message->id);
	if (n < 0 || (size_t)n >= sizeof(s->first)) {
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
