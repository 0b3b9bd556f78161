/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * startup/socket_file.c: the files of unix sockets.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xmalloc.h"
#include "startup/socket_file.h"

const char *
socket_file_clear(const struct sockaddr_un *sun, socklen_t len)
{
	struct stat	 st;
	int		 fd, ret, code;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "a file that is not a socket is there";
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0)) == -1)
		return strerror(errno);
	ret = connect(fd, (const struct sockaddr *)sun, len);
	code = errno;
	close(fd);
	if (ret == 0 || code != ECONNREFUSED)
		return "somebody listens there already";
	if (unlink(sun->sun_path) == -1 && errno != ENOENT)
		return strerror(errno);
	return NULL;
}

int
socket_file_make_directory(const char *path)
{
	char	*copy = xstrdup(path);
	int	 ret;

	ret = mkdir(dirname(copy), 0755);
	if (ret == -1 && errno == EEXIST)
		ret = 0;
	free(copy);
	return ret;
}

/* By a descriptor, as somebody may have put something else in the place of the socket. */
int
socket_file_chown(const char *path, uid_t uid, gid_t gid)
{
	struct stat	 st;
	int		 fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret, error;

	if (fd == -1 || fstat(fd, &st) == -1)
		ret = -1;
	else if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1) {
		errno = ESTALE;
		ret = -1;
	} else
		ret = fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
	error = errno;
	if (fd != -1)
		(void)close(fd);
	errno = error;
	return ret;
}
