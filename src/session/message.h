/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/message.h: a message begins and ends; the actions that handlers want for its end.
 */
#ifndef PM_SESSION_MESSAGE_H
#define PM_SESSION_MESSAGE_H

#include "milter/decode.h"
#include "state/state.h"

/* Opens the message of a MAIL command; none may be open. */
void	 message_open(struct session *, const struct milter_cmd *);
/*
 * Frees the open message, if there is one, and ends what handlers said of it and their
 * scopes. The macros stay: where a MAIL ends a message, those of the next one are there.
 */
void	 message_close(struct session *);
/* Drops the actions of the handler at an index. */
void	 message_drop_actions(struct message *, unsigned int index);
/* Drops the actions that came in reply to the event of this number. */
void	 message_drop_event_actions(struct message *, unsigned int event_no);

#endif
