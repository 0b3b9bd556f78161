/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/conn.c: one milter connection.
 */
#include "base/compat.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "milter/proto.h"
#include "send/conn.h"

#define CONNECT_SECONDS	30	/* as long as Postfix waits */
#define COMMAND_SECONDS	30
#define CONTENT_SECONDS	300
#define LINGER_MS	5000
#define MAX_IN		((size_t)4 << 20)
#define MAX_OUT		((size_t)4 << 20)

static void fail_conn(struct send_conn *, const char *, ...) PRINTF_LIKE(2, 3);

static void
fail_conn(struct send_conn *c, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	c->state = SEND_CONN_FAILED;
}

static void
fail_connect(struct send_conn *c, int error)
{
	struct netaddr_text	 text;

	fail_conn(c, "connect to %s: %s", netaddr_print(c->addr, &text), strerror(error));
}

#define BROKEN	"protocol broken: "

static unsigned int
seconds_for(const struct send_conn *c)
{
	int	 command = c->side.waiting(c->side.arg);

	if (c->side.timeout != 0)
		return c->side.timeout;
	return command != 0 && strchr("LNBE", command) != NULL ? CONTENT_SECONDS :
	    COMMAND_SECONDS;
}

/* Does what the state of the MTA's side asks for. */
static void
follow_player(struct send_conn *c, enum mta_state state, int64_t now)
{
	c->more = state == MTA_MORE;
	switch (state) {
	case MTA_WAIT:
	case MTA_MORE:
		c->deadline = now + (int64_t)seconds_for(c) * 1000;
		break;
	case MTA_QUIT:
		c->state = SEND_CONN_ENDING;
		c->deadline = now + LINGER_MS;
		break;
	case MTA_CLOSE:
		c->state = SEND_CONN_DONE;
		break;
	case MTA_BROKEN:
		fail_conn(c, BROKEN "%s", c->side.error(c->side.arg));
		break;
	}
}

static void
flush_out(struct send_conn *c)
{
	ssize_t	 n;

	while (c->out.len > 0) {
		n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		/* The filter may have said why before it closed: the read finds out. */
		if (n == -1 && errno != EAGAIN)
			buf_reset(&c->out);
		if (n == -1)
			return;
		buf_drain(&c->out, (size_t)n);
	}
}

static void
send_output(struct send_conn *c, int64_t now)
{
	for (;;) {
		if (c->state == SEND_CONN_FAILED || c->state == SEND_CONN_DONE)
			return;
		flush_out(c);
		if (c->out.len > 0 || !c->more)
			break;
		follow_player(c, c->side.advance(c->side.arg, &c->out), now);
	}
	if (c->state == SEND_CONN_ENDING && c->out.len == 0) {
		c->state = c->linger ? SEND_CONN_LINGERING : SEND_CONN_DONE;
		c->deadline = now + LINGER_MS;
	}
}

static void
start_playing(struct send_conn *c, int64_t now)
{
	c->state = SEND_CONN_PLAYING;
	follow_player(c, c->side.advance(c->side.arg, &c->out), now);
	send_output(c, now);
}

static void
set_nodelay(const struct send_conn *c, int family)
{
	int	 on = 1;

	if (family != AF_UNIX)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/*
 * A non-blocking connect to a unix socket with a full backlog fails at once. So
 * this connect blocks, for a limited time.
 */
static int
start_connect(struct send_conn *c, const struct netaddr *addr)
{
	const struct sockaddr	*sa = (const struct sockaddr *)&addr->ss;
	struct timeval		 tv = { CONNECT_SECONDS, 0 };
	int			 is_unix = sa->sa_family == AF_UNIX, r;

	c->fd = socket(sa->sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | (is_unix ? 0 : SOCK_NONBLOCK), 0);
	if (c->fd == -1)
		return -1;
	if (is_unix)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	set_nodelay(c, sa->sa_family);
	r = connect(c->fd, sa, addr->len);
	if (is_unix && r == 0)
		return fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return r;
}

static void
init_conn(struct send_conn *c, const struct mta_side *side)
{
	memset(c, 0, sizeof(*c));
	c->side = *side;
	buf_init(&c->in, MAX_IN);
	buf_init(&c->out, MAX_OUT);
}

void
send_conn_adopt(struct send_conn *c, int fd, const struct mta_side *side, int64_t now)
{
	init_conn(c, side);
	c->fd = fd;
	start_playing(c, now);
}

void
send_conn_open(struct send_conn *c, const struct netaddr *addr, const struct mta_side *side,
    int64_t now)
{
	unsigned int	 seconds = side->timeout != 0 ? side->timeout : CONNECT_SECONDS;

	init_conn(c, side);
	c->addr = addr;
	c->deadline = now + (int64_t)seconds * 1000;
	if (start_connect(c, addr) == 0)
		start_playing(c, now);
	else if (c->fd != -1 && errno == EINPROGRESS)
		c->state = SEND_CONN_CONNECTING;
	else
		fail_connect(c, errno);
}

void
send_conn_close(struct send_conn *c)
{
	if (c->fd != -1)
		(void)close(c->fd);
	c->fd = -1;
	buf_free(&c->in);
	buf_free(&c->out);
}

uint32_t
send_conn_wants(const struct send_conn *c)
{
	if (c->state == SEND_CONN_CONNECTING)
		return EPOLLOUT;
	return c->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

static void
connected(struct send_conn *c, int64_t now)
{
	int		 error = 0;
	socklen_t	 len = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		fail_connect(c, error);
	else
		start_playing(c, now);
}

static void
closed(struct send_conn *c)
{
	if (c->state == SEND_CONN_LINGERING || c->state == SEND_CONN_ENDING)
		c->state = SEND_CONN_DONE;
	else
		fail_conn(c, BROKEN "the connection was closed, expected an answer to %s",
		    mta_command_name(c->side.waiting(c->side.arg)));
}

/* An answer to a command that is not sent yet is one answer too many. */
static void
fail_early(struct send_conn *c, const struct milter_packet *pkt)
{
	struct buf	 b;

	buf_init(&b, sizeof(c->error));
	mta_describe(&b, pkt->code, "where no answer was expected, before");
	buf_printf(&b, " %s was sent", mta_command_name(c->side.waiting(c->side.arg)));
	fail_conn(c, BROKEN "%.*s", (int)b.len, (const char *)b.data);
	buf_free(&b);
}

static void
take_packets(struct send_conn *c, int64_t now)
{
	struct milter_packet	 pkt;
	enum milter_frame	 frame;
	size_t			 used;

	while (c->state != SEND_CONN_FAILED && c->state != SEND_CONN_DONE) {
		frame = milter_frame(c->in.data, c->in.len, &pkt, &used);
		if (frame == MILTER_FRAME_MORE)
			return;
		if (frame == MILTER_FRAME_BAD) {
			fail_conn(c, BROKEN "a packet with a length of 0 or above %d "
			    "in answer to %s", MILTER_MAX_DATA + 1,
			    mta_command_name(c->side.waiting(c->side.arg)));
			return;
		}
		if (c->out.len > 0 && c->state == SEND_CONN_PLAYING) {
			fail_early(c, &pkt);
			return;
		}
		follow_player(c, c->side.reply(c->side.arg, &pkt, &c->out), now);
		buf_drain(&c->in, used);
	}
}

static void
receive(struct send_conn *c, int64_t now)
{
	static unsigned char	 piece[65536];
	ssize_t			 n;

	n = read(c->fd, piece, sizeof(piece));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		closed(c);
		return;
	}
	buf_add(&c->in, piece, (size_t)n);
	take_packets(c, now);
}

void
send_conn_ready(struct send_conn *c, uint32_t events, int64_t now)
{
	if (c->state == SEND_CONN_CONNECTING) {
		connected(c, now);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		receive(c, now);
	send_output(c, now);
}

void
send_conn_tick(struct send_conn *c, int64_t now)
{
	if (now < c->deadline)
		return;
	if (c->state == SEND_CONN_CONNECTING)
		fail_connect(c, ETIMEDOUT);
	else if (c->state == SEND_CONN_PLAYING)
		fail_conn(c, BROKEN "no answer to %s within %u seconds",
		    mta_command_name(c->side.waiting(c->side.arg)), seconds_for(c));
	else
		c->state = SEND_CONN_DONE;
}
