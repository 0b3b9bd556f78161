/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/ids.h: the names of a session and its message, as blocks and the log have them.
 */
#ifndef PM_STATE_IDS_H
#define PM_STATE_IDS_H

#include "state/state.h"

/* Writes session.first: the lines of a block that name the session and its message. */
void	 ids_write_first(struct session *);
/* Writes session.ids, "SESSION QUEUE-ID" for the log. */
void	 ids_update(struct session *);
/* The queue id of the open message, else the macro i; NULL: unknown. Lives until either changes. */
const char	*ids_queue_id(const struct session *);

#endif
