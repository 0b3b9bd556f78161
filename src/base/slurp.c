/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/slurp.c: a small file, read as a whole.
 */
#include "base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/slurp.h"
#include "base/xmalloc.h"

/* Up to max bytes; NULL with errno, EFBIG if there are more. */
static char *
read_all(int fd, size_t max, size_t *len)
{
	char	*text = xmalloc(max + 2);
	ssize_t	 n;

	*len = 0;
	do {
		n = read(fd, text + *len, max + 1 - *len);
		if (n > 0)
			*len += (size_t)n;
	} while ((n > 0 && *len <= max) || (n == -1 && errno == EINTR));
	if (n == -1 || *len > max) {
		if (n != -1)
			errno = EFBIG;
		free(text);
		return NULL;
	}
	text[*len] = '\0';
	return text;
}

char *
slurp(const char *path, size_t max, struct stat *st, size_t *len, const char **why)
{
	char	*text = NULL;
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;

	if (fd == -1 || fstat(fd, st) == -1)
		*why = strerror(errno);
	else if (S_ISDIR(st->st_mode))
		*why = "it is a directory; expected a file";
	else if (!S_ISREG(st->st_mode))
		*why = "not a regular file";
	else if ((text = read_all(fd, max, len)) == NULL) {
		error = errno;
		*why = strerror(error);
	}
	if (fd != -1)
		(void)close(fd);
	errno = error;
	return text;
}
