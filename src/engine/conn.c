/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn.c: a connection from its begin to its end, and what is due meanwhile.
 */
#include "base/compat.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "engine/conn_int.h"
#include "base/log.h"
#include "milter/encode.h"
#include "engine/pool.h"
#include "base/xmalloc.h"

static void on_timer(void *);

const char *
conn_ids(const struct conn *c)
{
	return c->session == NULL ? NULL : c->session->ids;
}

void
conn_set_timer(struct conn *c)
{
	ltimer_set(&c->timer, ltimer_first(ltimer_first(c->idle_due, c->write_due),
	    ltimer_first(c->ask_due, c->progress_due)));
}

void
conn_new(struct listener *l, int fd, const struct netaddr *peer)
{
	struct conn		*c = xcalloc(1, sizeof(*c));
	struct event_base	*base = l->engine->base;
	struct netaddr_text	 text;
	int			 on = 1;

	c->engine = l->engine;
	c->listener = l;
	c->fd = fd;
	/* The other side of a unix socket has no name of its own. */
	c->peer = xstrdup(peer->ss.ss_family == AF_UNIX ? l->conf->spec :
	    netaddr_print(peer, &text));
	c->missing = xcalloc(l->conf->nhandlers, sizeof(*c->missing));
	buf_init(&c->out, CONN_OUT_MAX);
	if (c->engine->conf->record_fd != -1)
		c->record = record_new(c->engine->conf->record_fd);
	/* An answer of several small packets would wait for an ACK otherwise. */
	if (peer->ss.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event_assign(&c->ev_read, base, fd, EV_READ | EV_PERSIST, conn_on_read, c);
	ltimer_init(&c->timer, base, on_timer, c);
	TAILQ_INSERT_TAIL(&c->engine->conns, c, entry);
	c->engine->nconns++;
	conn_want_read(c);
	log_msg(LOG_DEBUG, NULL, "connection from %s, accepted at %s", c->peer, l->conf->spec);
}

void
conn_close(struct conn *c, const char *reason)
{
	if (c->dead)
		return;
	c->dead = 1;
	conn_abandon_ask(c, 0);
	conn_stop_reading(c);
	conn_stop_writing(c);
	ltimer_stop(&c->timer);
	close(c->fd);
	c->fd = -1;
	conn_end_session(c, reason);
	TAILQ_REMOVE(&c->engine->conns, c, entry);
	TAILQ_INSERT_TAIL(&c->engine->dead_conns, c, entry);
	c->engine->nconns--;
	listener_conn_closed(c->listener);
}

void
conn_free(struct conn *c)
{
	free(c->in);
	free(c->peer);
	free(c->missing);
	buf_free(&c->out);
	record_free(c->record);
	free(c);
}

static void
on_idle(struct conn *c)
{
	if (!c->in_packet && (c->heard || conn_is_paused(c))) {
		c->heard = 0;
		c->idle_due = engine_now(c->engine) + CONN_IDLE_TIMEOUT * 1000;
		return;
	}
	log_msg(LOG_WARNING, conn_ids(c), "%s: %s", c->peer, c->in_packet ?
	    "a packet does not end" : "nothing came for two hours");
	conn_close(c, "closed");
}

/* The event in hand has taken too long, all handlers together. */
static void
on_ask_due(struct conn *c)
{
	/* What follows from the abandoned one is not to begin with the next command. */
	c->busy = 1;
	conn_abandon_ask(c, 1);
	conn_act(c, session_timeout(c->session, &c->out));
	c->busy = 0;
	conn_go_on(c);
}

static int
is_due(uint64_t *due, uint64_t now)
{
	if (*due == 0 || *due > now)
		return 0;
	*due = 0;
	return 1;
}

static void
on_timer(void *arg)
{
	struct conn	*c = arg;
	uint64_t	 now = engine_now(c->engine);

	if (is_due(&c->write_due, now)) {
		log_msg(LOG_WARNING, conn_ids(c), "%s: it does not read our answers", c->peer);
		conn_close(c, "closed");
	} else if (is_due(&c->idle_due, now))
		on_idle(c);
	else if (is_due(&c->ask_due, now))
		on_ask_due(c);
	else if (is_due(&c->progress_due, now)) {
		c->progress_due = now + CONN_PROGRESS_EVERY * 1000;
		milter_enc_simple(&c->out, SMFIR_PROGRESS);
		conn_flush(c);
	}
	if (!c->dead)
		conn_set_timer(c);
}

void
conn_orphan(struct conn *c)
{
	if (c->waiting) {
		conn_abandon_ask(c, 0);
		session_give_up(c->session, &c->out);
	}
	conn_flush(c);
	conn_close(c, "closed");
}
