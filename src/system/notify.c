/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/notify.c: messages to a service manager. libsystemd has a function for them,
 * and would bring its own libraries into a process that is root.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "system/notify.h"

#define VARIABLE	"NOTIFY_SOCKET"
#define MESSAGE_MAX	512
#define WAIT_S		5	/* s until a service manager that does not read is given up */

static struct sockaddr_un	 manager;
static socklen_t		 manager_len;	/* 0: there is none */

/*
 * A path, or @ and a name without a file (sd_notify(3), "Notes"). What begins otherwise is a
 * kind of socket that reaches other machines.
 */
void
notify_take(void)
{
	const char	*where = getenv(VARIABLE);
	size_t		 len = where != NULL ? strlen(where) : 0;

	notify_forget();
	if (where == NULL)
		return;
	if ((where[0] != '/' && where[0] != '@') || len < 2 || len >= sizeof(manager.sun_path))
		log_warnx(VARIABLE ": not a socket that we can use: %s", where);
	else {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, where, len);
		if (where[0] == '@')
			manager.sun_path[0] = '\0';
		manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	(void)unsetenv(VARIABLE);
}

void
notify_forget(void)
{
	memset(&manager, 0, sizeof(manager));
	manager_len = 0;
}

static void
attach(struct msghdr *hdr, int fd)
{
	struct cmsghdr	*cmsg = CMSG_FIRSTHDR(hdr);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
}

/* Returns 0, or -1 with errno. */
static int
send_over(int sock, char *text, int fd)
{
	const struct timeval	 wait = { .tv_sec = WAIT_S };
	struct iovec		 iov;
	struct msghdr		 hdr;
	union {
		struct cmsghdr	 align;
		char		 room[CMSG_SPACE(sizeof(int))];
	}			 control;
	ssize_t			 n;

	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == -1)
		return -1;
	memset(&hdr, 0, sizeof(hdr));
	memset(&control, 0, sizeof(control));
	iov.iov_base = text;
	iov.iov_len = strlen(text);
	hdr.msg_name = &manager;
	hdr.msg_namelen = manager_len;
	hdr.msg_iov = &iov;
	hdr.msg_iovlen = 1;
	if (fd != -1) {
		hdr.msg_control = control.room;
		hdr.msg_controllen = sizeof(control.room);
		attach(&hdr, fd);
	}
	do
		n = sendmsg(sock, &hdr, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

int
notify_send(int fd, const char *fmt, ...)
{
	char	 text[MESSAGE_MAX];
	va_list	 ap;
	int	 sock, ret;

	if (manager_len == 0)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A socket for each message: none is open when an engine is forked. */
	if ((sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1) {
		log_warn("socket for the service manager");
		return -1;
	}
	if ((ret = send_over(sock, text, fd)) == -1)
		log_warn("message to the service manager");
	(void)close(sock);
	return ret == 0 ? 1 : -1;
}

/* The service manager closes its copy of the pipe when it comes to this message. */
void
notify_wait(void)
{
	struct pollfd	 pfd = { .events = 0 };
	int		 fds[2], sent;

	if (pipe2(fds, O_CLOEXEC) == -1) {
		log_warn("pipe");
		return;
	}
	sent = notify_send(fds[1], "BARRIER=1");
	(void)close(fds[1]);
	pfd.fd = fds[0];
	if (sent == 1 && poll(&pfd, 1, WAIT_S * 1000) == 0)
		log_warnx("the service manager does not answer");
	(void)close(fds[0]);
}
