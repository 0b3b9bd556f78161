/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/tasks.h: what a session has for its handlers: questions and reports. Public: what
 * session.h has of tasks.c.
 */
#ifndef PM_SESSION_TASKS_H
#define PM_SESSION_TASKS_H

#include "state/state.h"

/* Why a task is made. */
enum purpose {
	PURPOSE_ASK,	/* the MTA waits for the reply */
	PURPOSE_SHADOW,	/* nobody waits for the reply */
	PURPOSE_REPORT	/* there is no reply */
};

/*
 * 0 if the handler at an index gets the message with the current event, and the message was
 * not kept: that is logged, as a fault of ours, and the session is broken.
 */
int	 tasks_has_message(struct session *, unsigned int index);
/*
 * 0 if the handler at an index is a shadow, and more waits for shadows than may: that must
 * neither make the MTA wait, nor take memory and files from others.
 */
int	 tasks_has_room(const struct session *, unsigned int index);
/*
 * Adds a task with the current event for the handler at an index. Returns 0, and logs that,
 * if there is not enough memory for it: the handler has then failed in its scope.
 * Returns 0 also where tasks_has_message() does.
 */
int	 tasks_add(struct session *, unsigned int index, enum purpose);

#endif
