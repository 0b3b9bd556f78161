/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/privdrop.h: becomes another user, for good.
 */
#ifndef PM_SYSTEM_PRIVDROP_H
#define PM_SYSTEM_PRIVDROP_H

#include <sys/types.h>

#include <stddef.h>

/*
 * Takes the groups, the group and the user, in this order, real, effective and
 * saved, and makes sure that there is no way back. Returns 0, or -1 with errno:
 * then the process must end. Safe between fork(2) and exec(3).
 */
int	 privdrop(uid_t, gid_t, const gid_t *groups, size_t ngroups);

#endif
