/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * late_write.c: a library to preload. A write(2) to a descriptor that took less
 * than it was given the last time comes 30 ms late, as on a busy machine, so that the
 * peer has read all there was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

static int	 was_full = -1;

static void
spin(void)
{
	struct timespec	 begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 30000000);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	static ssize_t	(*next)(int, const void *, size_t);
	ssize_t		 n;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "write");
	if (fd == was_full)
		spin();
	n = next(fd, buf, len);
	was_full = n < (ssize_t)len ? fd : -1;
	return n;
}
