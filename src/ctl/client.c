/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * ctl/client.c: one request to the daemon.
 */
#include "base/compat.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/visible.h"

#define ANSWER_S	10	/* s that the daemon has for each message of its answer */

static void
print(FILE *f, const char *before, const char *about, const char *text)
{
	struct buf	 b;

	buf_init(&b, 2 * CONTROL_MAX_MSG * 4);
	if (about != NULL) {
		visible_add(&b, about);
		buf_add_str(&b, ": ");
	}
	visible_add(&b, text);
	(void)fprintf(f, "%s%.*s\n", before, (int)b.len, b.len > 0 ? (char *)b.data : "");
	buf_free(&b);
}

void
client_complain(const char *about, const char *text)
{
	print(stderr, "pipemilterctl: ", about, text);
}

/* Why there is no connection, as an exit status. */
static int
no_connection(const char *path, int error)
{
	if (error == ENOENT || error == ENOTDIR || error == ECONNREFUSED) {
		client_complain(path, "no daemon listens there");
		return CONTROL_NO_DAEMON;
	}
	client_complain(path, strerror(error));
	return error == EACCES || error == EPERM ? CONTROL_NOT_ALLOWED : CONTROL_FAILED;
}

/* Returns 0 and sets *fd, or an exit status. */
static int
connect_to(const char *path, int *fd)
{
	const struct timeval	 limit = { ANSWER_S, 0 };
	struct sockaddr_un	 sun;
	int			 error;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >= sizeof(sun.sun_path))
		return no_connection(path, ENAMETOOLONG);
	if ((*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == -1)
		return no_connection(path, errno);
	/* Also for connect(2), which waits while too many others do. */
	if (setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(*fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return 0;
	error = errno;
	(void)close(*fd);
	/* A socket of another type is somebody else's. */
	return no_connection(path, error == EPROTOTYPE ? ECONNREFUSED : error);
}

/* Returns 0, or -1. */
static int
send_command(int fd, const char *command)
{
	char	 text[CONTROL_MAX_REQUEST];
	int	 n;

	n = snprintf(text, sizeof(text), "%s %s", PACKAGE_VERSION, command);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		errno = EMSGSIZE;
		return -1;
	}
	return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

/* Returns an exit status, or -1: the answer goes on. */
static int
take_message(const struct control_msg *msg, client_message *take, void *arg)
{
	switch (msg->type) {
	case CONTROL_END:
		return msg->u.status <= CONTROL_NOT_ALLOWED ? (int)msg->u.status : CONTROL_FAILED;
	case CONTROL_ERROR:
		client_complain(NULL, msg->text[0]);
		break;
	case CONTROL_TEXT:
		print(stdout, "", NULL, msg->text[0]);
		break;
	default:
		if (take != NULL)
			take(arg, msg);
	}
	return -1;
}

static int
take_answer(int fd, int until_end, client_message *take, void *arg)
{
	static unsigned char	 bytes[CONTROL_MAX_MSG];
	static struct control_msg msg;
	ssize_t			 n;
	int			 status = -1;

	while (status == -1) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n == -1 && (errno == EINTR || (until_end && errno == EAGAIN)))
			continue;
		if (n == 0 || (n == -1 && errno == ECONNRESET)) {
			if (until_end)
				return CONTROL_OK;
			client_complain(NULL, "the daemon has closed the connection");
			return CONTROL_FAILED;
		}
		if (n == -1 || control_msg_dec(bytes, (size_t)n, &msg) == -1) {
			client_complain(NULL, n != -1 ? "the answer makes no sense" :
			    errno == EAGAIN ? "no answer within 10 s" : strerror(errno));
			return CONTROL_FAILED;
		}
		status = take_message(&msg, take, arg);
	}
	return status;
}

int
client_ask(const char *path, const char *command, int until_end, client_message *take, void *arg)
{
	int	 fd, status;

	if ((status = connect_to(path, &fd)) != 0)
		return status;
	if (send_command(fd, command) == -1) {
		client_complain(path, strerror(errno));
		status = CONTROL_FAILED;
	} else
		status = take_answer(fd, until_end, take, arg);
	(void)close(fd);
	return status;
}
