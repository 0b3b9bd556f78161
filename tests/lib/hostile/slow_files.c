/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Preloaded, it makes all questions about $SLOW_PATH, and what is below, wait for ever, as
 * a file system that does not answer would.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
hang_at(const char *path)
{
	const char	*slow = getenv("SLOW_PATH");
	size_t		 len = slow == NULL ? 0 : strlen(slow);

	while (len > 0 && strncmp(path, slow, len) == 0 && (path[len] == '\0' || path[len] == '/'))
		pause();
}

#define REAL(type, name) type real = (type)dlsym(RTLD_NEXT, name)

typedef int	 stat_fn(const char *, struct stat *);
typedef int	 statvfs_fn(const char *, struct statvfs *);
typedef int	 access_fn(const char *, int);
typedef int	 faccessat_fn(int, const char *, int, int);
typedef int	 open_fn(const char *, int, ...);
typedef char	*realpath_fn(const char *, char *);

int
stat(const char *path, struct stat *st)
{
	REAL(stat_fn *, "stat");

	hang_at(path);
	return real(path, st);
}

int
lstat(const char *path, struct stat *st)
{
	REAL(stat_fn *, "lstat");

	hang_at(path);
	return real(path, st);
}

int
statvfs(const char *path, struct statvfs *st)
{
	REAL(statvfs_fn *, "statvfs");

	hang_at(path);
	return real(path, st);
}

int
access(const char *path, int mode)
{
	REAL(access_fn *, "access");

	hang_at(path);
	return real(path, mode);
}

int
faccessat(int fd, const char *path, int mode, int flags)
{
	REAL(faccessat_fn *, "faccessat");

	hang_at(path);
	return real(fd, path, mode, flags);
}

int
open(const char *path, int flags, ...)
{
	REAL(open_fn *, "open");
	va_list	 ap;
	int	 mode;

	hang_at(path);
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return real(path, flags, mode);
}

char *
realpath(const char *path, char *resolved)
{
	REAL(realpath_fn *, "realpath");

	hang_at(path);
	return real(path, resolved);
}
