/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/keep.h: the message as it came is kept, from its first header on, as long as some
 * handler wants it. keep.c gives it to the tasks of these handlers.
 */
#ifndef PM_SESSION_KEEP_H
#define PM_SESSION_KEEP_H

#include "state/state.h"

/* value: as the MTA sent it. */
void	 keep_header(struct session *, const char *name, const char *value);
void	 keep_body(struct session *, const void *, size_t);
/* The message is complete. */
void	 keep_end(struct session *);
/*
 * NULL, or why the handler at an index can't have the message that it wants. The text is
 * the store's (store_error()).
 */
const char *keep_problem(struct session *, unsigned int index);
/* Gives the message to a task as its input. */
void	 keep_give(struct session *, unsigned int index, struct task *);

#endif
