/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn_write.c: what is owed to the MTA.
 */
#include "base/compat.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/conn_int.h"
#include "base/log.h"

static void on_write(evutil_socket_t, short, void *);

void
conn_stop_writing(struct conn *c)
{
	if (c->ev_write != NULL)
		event_free(c->ev_write);
	c->ev_write = NULL;
	c->write_due = 0;
}

/* The peer does not take more for now. */
static void
write_later(struct conn *c)
{
	if (c->ev_write == NULL)
		c->ev_write = event_new(c->engine->base, c->fd, EV_WRITE, on_write, c);
	if (c->ev_write == NULL)
		fatalx("no memory for an event");
	event_add(c->ev_write, NULL);
	c->write_due = engine_now(c->engine) + CONN_STALL_TIMEOUT * 1000;
	conn_set_timer(c);
}

void
conn_take_out(struct conn *c)
{
	if (c->out.data == NULL)
		buf_borrow(&c->out, &c->engine->spare);
}

/* Writes what is owed, in one call if the socket takes it. */
void
conn_flush(struct conn *c)
{
	ssize_t		 n;

	if (c->dead)
		return;
	if (c->out.len > 0) {
		if (c->record != NULL)
			record_answers(c->record, &c->out);
		n = write(c->fd, c->out.data, c->out.len);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			log_msg(LOG_DEBUG, conn_ids(c), "%s: write: %s", c->peer, strerror(errno));
			if (c->record != NULL)
				record_unsent(c->record);
			conn_close(c, "closed");
			return;
		}
		if (n > 0)
			buf_drain(&c->out, (size_t)n);
		if (c->record != NULL)
			record_sent(c->record, &c->out);
	}
	if (c->record != NULL)
		record_write(c->record);
	if (c->out.len > 0) {
		write_later(c);
		return;
	}
	/* One at rest shall own no memory for answers. */
	buf_lend(&c->out, &c->engine->spare, CONN_OUT_HIGH);
	if (c->ev_write != NULL)
		conn_stop_writing(c);
	if (c->closing)
		conn_close(c, "closed");
}

static void
on_write(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct conn	*c = arg;

	conn_flush(c);
	if (!c->dead && c->out.len == 0)
		conn_go_on(c);
}
