/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/current.h: the event that handlers are asked or told about now.
 */
#ifndef PM_STATE_CURRENT_H
#define PM_STATE_CURRENT_H

#include "state/state.h"

void	 current_init(struct current *);
/* Forgets the event; its buffers keep their memory. */
void	 current_clear(struct current *);
/* Gives the memory of its buffers back: a connection at rest owns none for a body. */
void	 current_free_buffers(struct current *);
/*
 * A new event is the current one. wire is the SMFIC_ of the command that waits for an
 * answer, 0 if none does.
 */
void	 current_begin(struct session *, enum event_kind, int wire);
/* Copies what points into the MTA's packet: the event outlives it while a handler is asked. */
void	 current_keep(struct current *);
/* 1 if an event of this kind belongs to a message. Unknown may come anywhere. */
int	 current_is_of_message(enum event_kind);
/* 1 if the MTA waits for an answer to the command of the current event. */
int	 current_answer_is_due(const struct session *);
/*
 * 1 if the MTA takes an answer to events of this kind. Not the same as an answer that is
 * due: a piece of the body in the end-of-message command is answered by the end of the
 * message, whether pieces of the body have answers or not.
 */
int	 current_kind_has_answer(const struct session *);

#endif
