/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/judge.h: may a handler use an action? Public: session_judge().
 */
#ifndef PM_SESSION_JUDGE_H
#define PM_SESSION_JUDGE_H

#include "state/state.h"

/* NULL, or why the handler may not make this change by what it returns, as a constant text. */
const char *judge_difference(const struct session *, unsigned int index, const struct action *);

#endif
