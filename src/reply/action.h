/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/action.h: what stands behind the keyword of an action line.
 */
#ifndef PM_REPLY_ACTION_H
#define PM_REPLY_ACTION_H

#include "milter/action.h"

/*
 * Takes rest apart (it is changed; NULL if no space follows the keyword) and
 * fills in an action that was all zero. Returns NULL, or what is wrong, a
 * constant text; action_free() it then too. Not for replace-body, whose bytes
 * the decoder reads.
 */
const char	*reply_action_parse(enum action_kind, char *rest, struct action *);

#endif
