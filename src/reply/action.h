/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* reply/action.h: what follows the keyword of an action line. Pure. */
#ifndef PM_REPLY_ACTION_H
#define PM_REPLY_ACTION_H

#include "milter/action.h"

/*
 * Parses rest (changed; NULL if no space follows the keyword) into an action
 * that was all zero. Returns NULL, or what is wrong (a constant text); the
 * caller frees the action with action_free() in both cases. Not for
 * replace-body, whose bytes the decoder reads.
 */
const char	*reply_action_parse(enum action_kind, char *rest, struct action *);

#endif
