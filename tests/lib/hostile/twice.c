/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * tests/lib/hostile/twice.c: a library to preload. An engine receives one message of the
 * supervisor twice, which can't be: that its first process was started, the second time
 * without descriptors; with TWICE=ended, that this process has ended.
 */
#define _GNU_SOURCE
#include <sys/socket.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define ID_END	9	/* a message begins with its type, one byte, and an id of eight */

static unsigned char	 started[ID_END], kept[64];
static size_t		 started_len;
static ssize_t		 len;
static int		 done;

static int
repeats_end(void)
{
	const char	*what = getenv("TWICE");

	return what != NULL && strcmp(what, "ended") == 0;
}

/* Only the message that a process was started has descriptors; its end comes next. */
static void
keep(const struct msghdr *m, ssize_t n)
{
	const unsigned char	*p = m->msg_iov[0].iov_base;
	int			 is_start = m->msg_controllen > 0;

	if (len > 0 || n < ID_END || n > (ssize_t)sizeof(kept))
		return;
	if (started_len == 0 && is_start) {
		memcpy(started, p, ID_END);
		started_len = ID_END;
	}
	if (started_len == 0 || memcmp(started + 1, p + 1, ID_END - 1) != 0 ||
	    is_start == repeats_end())
		return;
	memcpy(kept, p, (size_t)n);
	len = n;
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	static ssize_t	(*next)(int, struct msghdr *, int);
	ssize_t		 n;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "recvmsg");
	if ((n = next(fd, m, flags)) >= 0 || len == 0 || done) {
		keep(m, n);
		return n;
	}
	done = 1;
	memcpy(m->msg_iov[0].iov_base, kept, (size_t)len);
	m->msg_controllen = 0;
	m->msg_flags = 0;
	return len;
}
