/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* system/notify.h */

#include "base/compat.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "system/notify.h"
#include "tap.h"

static int	 lines;
static char	 got[1024];
static int	 got_fd;

static void
count_line(int severity, const char *line)
{
	(void)severity;
	(void)line;
	lines++;
}

/* A service manager: a datagram socket without a file. Sets the variable. */
static int
open_manager(void)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	char			 name[64];
	int			 fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)snprintf(name, sizeof(name), "@pipemilter-test-%d", (int)getpid());
	memcpy(sun.sun_path + 1, name + 1, strlen(name) - 1);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) == -1 ||
	    setenv("NOTIFY_SOCKET", name, 1) == -1)
		abort();
	return fd;
}

/* Sets got and got_fd (-1: none). Returns the bytes of the message, or -1. */
static ssize_t
receive(int manager)
{
	struct iovec	 iov = { got, sizeof(got) - 1 };
	union {
		struct cmsghdr	 align;
		char		 room[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct msghdr	 hdr;
	ssize_t		 n;

	memset(&hdr, 0, sizeof(hdr));
	hdr.msg_iov = &iov;
	hdr.msg_iovlen = 1;
	hdr.msg_control = control.room;
	hdr.msg_controllen = sizeof(control.room);
	got_fd = -1;
	if ((n = recvmsg(manager, &hdr, 0)) == -1)
		return -1;
	got[n] = '\0';
	if (CMSG_FIRSTHDR(&hdr) != NULL)
		memcpy(&got_fd, CMSG_DATA(CMSG_FIRSTHDR(&hdr)), sizeof(got_fd));
	return n;
}

static void
test_messages(void)
{
	struct stat	 sent, received;
	char		 longest[2000];
	int		 manager = open_manager(), fds[2];

	notify_take();
	CHECK(getenv("NOTIFY_SOCKET") == NULL, "the variable is taken out of the environment");
	CHECK(notify_send(-1, "READY=%d\nSTATUS=%s", 1, "x") == 1 && receive(manager) > 0,
	    "a message is sent");
	CHECK(strcmp(got, "READY=1\nSTATUS=x") == 0 && got_fd == -1, "it is the text alone");
	if (pipe(fds) == -1)
		abort();
	CHECK(notify_send(fds[0], "FDSTORE=1") == 1 && receive(manager) == 9 && got_fd != -1,
	    "a descriptor goes with a message");
	CHECK(fstat(fds[0], &sent) == 0 && fstat(got_fd, &received) == 0 &&
	    sent.st_ino == received.st_ino, "it is that descriptor");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	CHECK(notify_send(-1, "%s", longest) == 1 && receive(manager) == 511,
	    "a long message is cut off");
	notify_forget();
	CHECK(notify_send(-1, "READY=1") == 0 && receive(manager) == -1,
	    "nothing is sent after notify_forget()");
	(void)close(manager);
}

static void
test_nobody(void)
{
	static const char *const	 bad[] = { "", "@", "/", "vsock:2:1", "relative" };
	char				 text[200];
	size_t				 i;

	(void)unsetenv("NOTIFY_SOCKET");
	notify_take();
	CHECK(notify_send(-1, "READY=1") == 0 && lines == 0, "without the variable nobody listens");
	for (i = 0; i < nitems(bad); i++) {
		(void)setenv("NOTIFY_SOCKET", bad[i], 1);
		notify_take();
		CHECK(notify_send(-1, "READY=1") == 0 && lines == (int)i + 1,
		    "an address that can't be used is logged");
		CHECK(getenv("NOTIFY_SOCKET") == NULL, "and taken out");
	}
	lines = 0;
	memset(text, 'x', sizeof(text));
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	(void)setenv("NOTIFY_SOCKET", text, 1);
	notify_take();
	CHECK(notify_send(-1, "READY=1") == 0 && lines == 1, "and so is one that is too long");
	(void)setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	notify_take();
	CHECK(notify_send(-1, "READY=1") == -1 && lines == 2, "one that nobody reads is logged");
}

int
main(void)
{
	log_set_hook(count_line);
	test_messages();
	lines = 0;
	test_nobody();
	return tap_done();
}
