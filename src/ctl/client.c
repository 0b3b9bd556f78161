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

#define MESSAGES_MAX	200000	/* of one answer */
/*
 * The daemon has so many tries of a second for each message of its answer. When the whole
 * machine stands still, that is one try.
 */
#define ANSWER_TRIES	10

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

int
client_refuse(const char *about, const char *word, const char *why)
{
	char	 what[256];

	(void)snprintf(what, sizeof(what), "%s \"%s\"", about, word);
	client_complain(what, why);
	return CONTROL_USAGE;
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

/* As connect(2), which waits while too many others do. */
static int
try_to_connect(int fd, const struct sockaddr_un *sun)
{
	unsigned int	 n = 0;
	int		 ret;

	do
		ret = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	while (ret == -1 && (errno == EINTR || errno == EAGAIN) && ++n < ANSWER_TRIES);
	return ret;
}

/* Returns 0 and sets *fd, or an exit status. */
static int
connect_to(const char *path, int *fd)
{
	const struct timeval	 try = { 1, 0 };
	struct sockaddr_un	 sun;
	int			 error;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >= sizeof(sun.sun_path))
		return no_connection(path, ENAMETOOLONG);
	if ((*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == -1)
		return no_connection(path, errno);
	if (setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &try, sizeof(try)) == 0 &&
	    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &try, sizeof(try)) == 0 &&
	    try_to_connect(*fd, &sun) == 0)
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

int
client_next(int fd, int forever, struct control_msg *msg)
{
	static unsigned char	 bytes[CONTROL_MAX_MSG];
	unsigned int		 tries = 0;
	ssize_t			 n;

	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n == -1 && (errno == EINTR ||
	    (errno == EAGAIN && (forever || ++tries < ANSWER_TRIES))));
	if (n == 0 || (n == -1 && errno == ECONNRESET))
		return 0;
	if (n != -1 && control_msg_dec(bytes, (size_t)n, msg) == 0)
		return 1;
	client_complain(NULL, n != -1 ? "the answer makes no sense" :
	    errno == EAGAIN ? "no answer within 10 s" : strerror(errno));
	return -1;
}

static int
take_answer(int fd, enum client_patience patience, client_message *take, void *arg)
{
	static struct control_msg msg;
	unsigned int		 n = 0;
	int			 status = -1, got;

	while (status == -1) {
		if (n++ == MESSAGES_MAX) {
			client_complain(NULL, "the answer does not end");
			return CONTROL_FAILED;
		}
		if ((got = client_next(fd, patience != CLIENT_SOON, &msg)) == 1)
			status = take_message(&msg, take, arg);
		else if (got == 0 && patience == CLIENT_UNTIL_END)
			return CONTROL_OK;
		else {
			if (got == 0)
				client_complain(NULL, "the daemon has closed the connection");
			return CONTROL_FAILED;
		}
	}
	return status;
}

int
client_begin(const char *path, const char *command, int *fd)
{
	int	 status;

	if ((status = connect_to(path, fd)) != 0 || send_command(*fd, command) == 0)
		return status;
	client_complain(path, errno == EMSGSIZE ? "the command line is too long" : strerror(errno));
	(void)close(*fd);
	return CONTROL_FAILED;
}

int
client_ask(const char *path, const char *command, enum client_patience patience,
    client_message *take, void *arg)
{
	int	 fd, status;

	if ((status = client_begin(path, command, &fd)) != 0)
		return status;
	status = take_answer(fd, patience, take, arg);
	(void)close(fd);
	return status;
}

int
client_until(int fd, enum control_type type)
{
	static struct control_msg msg;
	int			 status = -1, got = 1;

	while (status == -1 && (got = client_next(fd, 0, &msg)) == 1) {
		if (msg.type == type)
			return 0;
		status = take_message(&msg, NULL, NULL);
	}
	if (got == 0)
		client_complain(NULL, "the daemon has closed the connection");
	return status == -1 ? CONTROL_FAILED : status;
}
