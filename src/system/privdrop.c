/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/privdrop.c: becomes another user and checks that there is no way back.
 */
#include "base/compat.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include "system/privdrop.h"

/* 1 if the real, effective and saved user and group are these. */
static int
have_ids(uid_t uid, gid_t gid)
{
	uid_t	 ru, eu, su;
	gid_t	 rg, eg, sg;

	if (getresuid(&ru, &eu, &su) == -1 || getresgid(&rg, &eg, &sg) == -1)
		return 0;
	return ru == uid && eu == uid && su == uid &&
	    rg == gid && eg == gid && sg == gid;
}

int
privdrop(uid_t uid, gid_t gid, const gid_t *groups, size_t ngroups)
{
	if (setgroups(ngroups, groups) == -1 ||
	    setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return -1;
	/* A handler may run as root on purpose: then there is nothing to get back. */
	if (!have_ids(uid, gid) ||
	    (uid != 0 && (setuid(0) != -1 || seteuid(0) != -1)) ||
	    (uid != 0 && gid != 0 && (setgid(0) != -1 || setegid(0) != -1))) {
		errno = EPERM;
		return -1;
	}
	return 0;
}
