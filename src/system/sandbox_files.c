/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/sandbox_files.c: Landlock, landlock(7), by its raw system calls: libc has
 * no functions for them.
 */
#include "base/compat.h"

#include <sys/syscall.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif

#include "base/log.h"
#include "system/sandbox_int.h"

#ifdef HAVE_LINUX_LANDLOCK_H

/* What newer kernels have and the header that we are built with may not. */
#define FS_REFER	(UINT64_C(1) << 13)
#define FS_TRUNCATE	(UINT64_C(1) << 14)
#define FS_IOCTL_DEV	(UINT64_C(1) << 15)
#define NET_TCP		UINT64_C(3)	/* bind, connect */
#define SCOPE_ALL	UINT64_C(3)	/* abstract unix sockets, signals */

/* As in <linux/landlock.h> of ABI 6; a kernel takes what it knows of it. */
struct attr {
	uint64_t	 fs, net, scoped;
};

/* What the engine does in its directories. */
#define USED	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | FS_REFER | FS_TRUNCATE)

/* By the version of the ABI, or -1 with errno. */
static int
abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
}

const char *
sandbox_files_missing(void)
{
	if (abi() >= 1)
		return NULL;
	if (errno == ENOSYS || errno == EOPNOTSUPP)
		return "the kernel has none, or it is off";
	return strerror(errno);
}

/* Returns the size of what this kernel knows of the structure. */
static size_t
handled(int version, struct attr *a)
{
	memset(a, 0, sizeof(*a));
	/* Bit 0 to 12 are those of the first version. */
	a->fs = FS_REFER - 1;
	if (version >= 2)
		a->fs |= FS_REFER;
	if (version >= 3)
		a->fs |= FS_TRUNCATE;
	if (version >= 5)
		a->fs |= FS_IOCTL_DEV;
	if (version >= 4)
		a->net = NET_TCP;
	if (version >= 6)
		a->scoped = SCOPE_ALL;
	return version >= 6 ? sizeof(*a) : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

void
sandbox_files_limit(const struct sandbox_dir *dirs, size_t ndirs)
{
	struct landlock_path_beneath_attr	 rule;
	struct attr				 a;
	size_t					 i, size = handled(abi(), &a);
	int					 fd;

	if ((fd = (int)syscall(SYS_landlock_create_ruleset, &a, size, 0)) == -1)
		fatal("landlock_create_ruleset");
	for (i = 0; i < ndirs; i++) {
		memset(&rule, 0, sizeof(rule));
		rule.parent_fd = dirs[i].fd;
		rule.allowed_access = a.fs & USED;
		if (dirs[i].readable)
			rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_FILE;
		if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
			fatal("landlock_add_rule");
	}
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("landlock_restrict_self");
	close(fd);
}

#else

const char *
sandbox_files_missing(void)
{
	return "built without <linux/landlock.h>";
}

void
sandbox_files_limit(const struct sandbox_dir *dirs __unused, size_t ndirs __unused)
{
}

#endif
