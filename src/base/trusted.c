/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/trusted.c: walks a path from the root, one descriptor to the next. Root makes
 * directories at its end, empties them and gives them away. A user who could put a link
 * in the place of a directory on the way would choose which.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/trusted.h"

#define MAX_LINKS	40

struct walk {
	int	 fd;			/* as far as we have come */
	char	 done[PATH_MAX];	/* its path, for messages */
	char	 rest[PATH_MAX];
	int	 links;
	int	 make;
	uid_t	 uid;			/* trusted as well */
	gid_t	 gid;
	char	*why;
	size_t	 size;
};

static int
refuse(const struct walk *w, const char *what, int error)
{
	(void)snprintf(w->why, w->size, "%s%s%s", w->done, what,
	    error == 0 ? "" : strerror(error));
	errno = error == 0 ? EPERM : error;
	return -1;
}

/*
 * The user in the options of a FUSE mount (proc_pid_mountinfo(5), the last field), or 0. Who
 * mounts chooses the names of type and source, with commas in them: only the last field is
 * the kernel's, which puts user_id there once.
 */
static uid_t
user_of_fuse(const char *line)
{
	const char		*type = strstr(line, " - fuse"), *option;
	unsigned long long	 user = 0;

	if (type != NULL && (option = strrchr(type, ' ')) != NULL &&
	    (option = strstr(option, ",user_id=")) != NULL)
		(void)sscanf(option, ",user_id=%llu", &user);
	return (uid_t)user;
}

/* Who has made a mount of FUSE, by its number. 0: root, or it is no FUSE. */
static uid_t
mounted_by(uint64_t mount)
{
	FILE			*f = fopen("/proc/self/mountinfo", "re");
	char			*line = NULL;
	size_t			 size = 0;
	unsigned long long	 id;
	uid_t			 user = 0;

	while (f != NULL && getline(&line, &size, f) != -1)
		if (sscanf(line, "%llu", &id) == 1 && id == mount) {
			user = user_of_fuse(line);
			break;
		}
	free(line);
	if (f != NULL)
		(void)fclose(f);
	return user;
}

int
trusted_stat(int dir, const char *name, struct statx *sx)
{
	uid_t	 user;

	if (statx(dir, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
	    AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, sx) == -1)
		return -1;
	/* The mounts on which this is so are few. */
	if ((sx->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 &&
	    (user = mounted_by(sx->stx_mnt_id)) != 0)
		sx->stx_uid = user;
	return 0;
}

/* Root's and our own are trusted. Of a sticky one others can't move what is ours. */
static int
check(const struct walk *w, const struct statx *sx)
{
	if (sx->stx_uid != 0 && sx->stx_uid != geteuid() && sx->stx_uid != w->uid)
		return refuse(w, ": belongs to another user, who can put something else there", 0);
	if (S_ISLNK(sx->stx_mode) || (sx->stx_mode & S_ISVTX) != 0)
		return 0;
	if ((sx->stx_mode & S_IWOTH) != 0)
		return refuse(w, ": anybody can write it, and so put something else there", 0);
	if ((sx->stx_mode & S_IWGRP) != 0 && sx->stx_gid != 0 && sx->stx_gid != w->gid &&
	    (geteuid() == 0 || sx->stx_gid != getegid()))
		return refuse(w, ": its group can write it, and so put something else there", 0);
	return 0;
}

static int
begin(struct walk *w)
{
	struct statx	 sx;

	if (w->fd != -1)
		(void)close(w->fd);
	w->done[0] = '\0';
	if ((w->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    trusted_stat(w->fd, "", &sx) == -1)
		return refuse(w, "/: ", errno);
	return check(w, &sx);
}

/* Takes the next component from the rest: 0 if there is none. */
static int
next_name(struct walk *w, char *name, size_t size)
{
	char	*p = w->rest + strspn(w->rest, "/");
	size_t	 len = strcspn(p, "/");

	if (len == 0)
		return 0;
	(void)snprintf(name, size, "%.*s", (int)len, p);
	p += len;
	p += strspn(p, "/");
	memmove(w->rest, p, strlen(p) + 1);
	return 1;
}

static int
follow(struct walk *w, int fd, const char *name)
{
	char	 target[PATH_MAX], rest[PATH_MAX];
	ssize_t	 n = readlinkat(w->fd, name, target, sizeof(target) - 1);

	(void)close(fd);
	if (n == -1)
		return refuse(w, ": ", errno);
	target[n] = '\0';
	if (++w->links > MAX_LINKS ||
	    (size_t)snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= sizeof(rest))
		return refuse(w, ": ", ELOOP);
	memcpy(w->rest, rest, sizeof(rest));
	if (target[0] == '/')
		return begin(w);
	*strrchr(w->done, '/') = '\0';
	return 0;
}

static int
enter(struct walk *w, const char *name)
{
	const int	 flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	struct statx	 sx;
	size_t		 len = strlen(w->done);
	int		 fd;

	if ((size_t)snprintf(w->done + len, sizeof(w->done) - len, "/%s", name) >=
	    sizeof(w->done) - len)
		return refuse(w, ": ", ENAMETOOLONG);
	if ((fd = openat(w->fd, name, flags)) == -1 && errno == ENOENT && w->make &&
	    w->rest[0] == '\0' && mkdirat(w->fd, name, 0711) == 0)
		fd = openat(w->fd, name, flags);
	if (fd == -1)
		return refuse(w, ": ", errno);
	if ((trusted_stat(fd, "", &sx) == -1 ? refuse(w, ": ", errno) : check(w, &sx)) == -1) {
		(void)close(fd);
		return -1;
	}
	if (S_ISLNK(sx.stx_mode))
		return follow(w, fd, name);
	(void)close(w->fd);
	w->fd = fd;
	return S_ISDIR(sx.stx_mode) ? 0 : refuse(w, ": ", ENOTDIR);
}

/* The walk says who is trusted, and has nowhere to close yet. */
static int
go(struct walk *w, const char *path)
{
	char	 name[PATH_MAX];
	int	 fd = -1, ret, error;

	if (strlcpy(w->rest, path, sizeof(w->rest)) >= sizeof(w->rest))
		return refuse(w, "", ENAMETOOLONG);
	ret = begin(w);
	while (ret == 0 && next_name(w, name, sizeof(name)))
		ret = enter(w, name);
	if (ret == 0 && (fd = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		(void)refuse(w, ": ", errno);
	error = errno;
	if (w->fd != -1)
		(void)close(w->fd);
	errno = error;
	return fd;
}

int
trusted_open(const char *path, int make, char *why, size_t size)
{
	struct walk	 w = { .fd = -1, .make = make, .uid = (uid_t)-1, .gid = (gid_t)-1,
	    .why = why, .size = size };

	return go(&w, path);
}

int
trusted_open_above_for(const char *path, uid_t uid, gid_t gid, char *why, size_t size)
{
	struct walk	 w = { .fd = -1, .uid = uid, .gid = gid, .why = why, .size = size };
	char		 above[PATH_MAX], *end;

	if (strlcpy(above, path, sizeof(above)) >= sizeof(above)) {
		errno = ENAMETOOLONG;
		(void)snprintf(why, size, "%s", strerror(errno));
		return -1;
	}
	/* Slashes at the end are no part of the name. */
	for (end = above + strlen(above); end > above && end[-1] == '/'; end--)
		end[-1] = '\0';
	if ((end = strrchr(above, '/')) == NULL || end == above)
		return go(&w, "/");
	*end = '\0';
	return go(&w, above);
}

int
trusted_open_above(const char *path, char *why, size_t size)
{
	return trusted_open_above_for(path, (uid_t)-1, (gid_t)-1, why, size);
}

void
trusted_last_name(const char *path, char *name, size_t size)
{
	size_t	 end = strlen(path), begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
		;
	(void)snprintf(name, size, "%.*s", (int)(end - begin), path + begin);
}
