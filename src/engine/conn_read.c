/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn_read.c: what comes from the MTA, as far as it may be understood now.
 */
#include "base/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "engine/conn_int.h"
#include "base/log.h"
#include "base/xmalloc.h"

/* One read for all connections of an engine; what is left of it is kept by each. */
#define READ_SIZE	(256 * 1024)

/*
 * The time for a packet counts from its first byte, however slowly it comes.
 * That for silence is looked at when it is over, not with each command.
 */
void
conn_want_read(struct conn *c)
{
	int	 in_packet = c->in_len > 0;

	c->heard = 1;
	if (!c->reading)
		event_add(&c->ev_read, NULL);
	c->reading = 1;
	if (in_packet == c->in_packet && c->idle_due != 0)
		return;
	c->in_packet = in_packet != 0;
	c->idle_due = engine_now(c->engine) +
	    (uint64_t)(in_packet ? CONN_STALL_TIMEOUT : CONN_IDLE_TIMEOUT) * 1000;
	conn_set_timer(c);
}

/*
 * While it is paused an MTA rarely sends anything, so its event stays where it
 * is until that happens: most pauses cost no system call.
 */
void
conn_stop_reading(struct conn *c)
{
	if (c->reading)
		event_del(&c->ev_read);
	c->reading = 0;
}

int
conn_is_paused(const struct conn *c)
{
	return c->waiting || c->dead || c->closing || c->out.len > CONN_OUT_HIGH ||
	    (c->session != NULL && session_is_full(c->session));
}

/* Understands whole packets; returns how many bytes of them. */
static size_t
understand(struct conn *c, const unsigned char *p, size_t len)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	enum milter_frame	 frame;
	const char		*why = "a packet of length 0 or above 65536";
	size_t			 used, done = 0;

	c->busy = 1;
	conn_take_out(c);
	while (!conn_is_paused(c)) {
		frame = milter_frame(p + done, len - done, &pkt, &used);
		if (frame == MILTER_FRAME_MORE)
			break;
		if (frame == MILTER_FRAME_BAD || milter_dec_cmd(&pkt, &cmd, &why) == -1) {
			log_msg(LOG_WARNING, conn_ids(c), "%s: %s", c->peer, why);
			c->closing = 1;
			break;
		}
		done += used;
		if (c->in_packet)
			c->idle_due = c->in_packet = 0;
		if (!conn_command(c, &cmd))
			c->closing = 1;
	}
	c->busy = 0;
	return done;
}

/* Keeps what was not understood yet; p may lie in what is kept already. */
static void
keep(struct conn *c, const unsigned char *p, size_t len)
{
	unsigned char	*kept = NULL;

	if (len > 0) {
		kept = xmalloc(len);
		memcpy(kept, p, len);
	}
	free(c->in);
	c->in = kept;
	c->in_len = len;
}

/* Reading stops while paused: what the peer sends stays in the socket. */
static void
settle(struct conn *c)
{
	if (c->dead)
		return;
	conn_flush(c);
	if (c->dead)
		return;
	if (!conn_is_paused(c))
		conn_want_read(c);
	else if (c->in_packet) {
		/* What is left of a packet is not waited for just now. */
		c->in_packet = 0;
		c->idle_due = 0;
	}
}

/*
 * Goes on with what was kept while it was paused. Writing what is owed may
 * end a pause, and nothing else would come back to what waits then. An answer
 * may come at once, while a command is being understood: that one goes on.
 */
void
conn_go_on(struct conn *c)
{
	size_t	 done;

	if (c->busy)
		return;
	do {
		conn_flush(c);
		done = c->in_len > 0 ? understand(c, c->in, c->in_len) : 0;
		if (done > 0)
			keep(c, c->in + done, c->in_len - done);
	} while (done > 0);
	settle(c);
}

void
conn_on_read(evutil_socket_t fd, short what __unused, void *arg)
{
	static unsigned char	 bytes[READ_SIZE];
	struct conn		*c = arg;
	ssize_t			 n;
	size_t			 len, done;

	if (conn_is_paused(c)) {
		conn_stop_reading(c);
		return;
	}
	/* Less than a packet is left over while it is not paused, so there is room. */
	if (c->in_len > 0)
		memcpy(bytes, c->in, c->in_len);
	n = read(fd, bytes + c->in_len, sizeof(bytes) - c->in_len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c, "closed");
		return;
	}
	len = c->in_len + (size_t)n;
	done = understand(c, bytes, len);
	keep(c, bytes + done, len - done);
	conn_go_on(c);
}

void
conn_resume(struct conn *c)
{
	if (!conn_is_paused(c))
		conn_go_on(c);
}
