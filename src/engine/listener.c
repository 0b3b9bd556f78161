/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/listener.c: accepts connections, and pauses when a limit is reached.
 */
#include "base/compat.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/memory.h"
#include "engine/listener.h"

/* Connections accepted in one turn of the loop: the others get their turn. */
#define ACCEPTS_A_TURN	32

static void on_accept(evutil_socket_t, short, void *);
static void on_retry(evutil_socket_t, short, void *);

void
listener_init(struct listener *l, struct engine *e, const struct listen_conf *conf, int fd,
    listener_accepted *accepted, listener_make_room *make_room)
{
	l->engine = e;
	l->conf = conf;
	l->index = (unsigned int)(conf - e->conf->listens);
	l->numbers = board_listener(e->board, e->index, l->index);
	l->fd = fd;
	l->accepted = accepted;
	l->make_room = make_room;
	event_assign(&l->ev, e->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	evtimer_assign(&l->retry, e->base, on_retry, l);
}

void
listener_open(struct listener *l)
{
	if (l->fd != -1)
		event_add(&l->ev, NULL);
}

void
listener_close(struct listener *l)
{
	if (l->fd == -1)
		return;
	event_del(&l->ev);
	evtimer_del(&l->retry);
	close(l->fd);
	l->fd = -1;
}

/* Accepts nothing until a connection closes, or for a second. */
static void
pause_listener(struct listener *l, enum numbers_pause why, int for_a_second)
{
	struct timeval	 tv = { 1, 0 };

	numbers_add(&l->numbers->pauses[why], 1);
	event_del(&l->ev);
	l->paused = 1;
	if (for_a_second)
		evtimer_add(&l->retry, &tv);
}

static void
on_retry(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct listener	*l = arg;

	l->paused = 0;
	event_add(&l->ev, NULL);
}

void
listener_conn_closed(struct listener *l)
{
	l->nconns--;
	board_disconnected(l->engine->board, l->engine->index, l->index);
	if (l->fd == -1 || !l->paused)
		return;
	evtimer_del(&l->retry);
	l->paused = 0;
	event_add(&l->ev, NULL);
}

static int
may_connect(const struct listener *l, const struct netaddr *peer)
{
	struct netaddr_text	 text;

	if (peer->ss.ss_family == AF_UNIX ||
	    netaddr_in_networks(l->conf->allow, l->conf->nallow, peer))
		return 1;
	log_limited(l->conf->spec, "refused peers at listen", LOG_WARNING, NULL,
	    "listen %s: %s may not connect (allow)", l->conf->spec,
	    netaddr_print(peer, &text));
	return 0;
}

/* Returns 0 if nothing more can be accepted for now. */
static int
accept_one(struct listener *l)
{
	struct netaddr	 peer;
	int		 fd;

	memset(&peer, 0, sizeof(peer));
	peer.len = sizeof(peer.ss);
	fd = accept4(l->fd, (struct sockaddr *)&peer.ss, &peer.len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno == EINTR || errno == ECONNABORTED)
			return 1;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		log_limited(l->conf->spec, "accept at listen", LOG_WARNING, NULL,
		    "listen %s: accept: %s", l->conf->spec, strerror(errno));
		pause_listener(l, NUMBERS_PAUSE_DESCRIPTORS, 1);
		return 0;
	}
	/* A peer on a unix socket has no name. */
	if (peer.len <= sizeof(sa_family_t))
		peer.ss.ss_family = AF_UNIX;
	if (may_connect(l, &peer)) {
		l->nconns++;
		numbers_add(&l->numbers->accepted, 1);
		board_connected(l->engine->board, l->engine->index, l->index);
		l->accepted(l, fd, &peer);
	} else
		close(fd);
	return 1;
}

static int
is_full(const struct listener *l)
{
	return board_connections(l->engine->board, l->index) >= l->engine->conf->connections;
}

/*
 * 1 if too many sessions have outlived their connections. A session lives until
 * its last report was taken, and a slow handler must not make their number grow
 * without end.
 */
static int
has_backlog(const struct engine *e)
{
	return e->nsessions > e->nconns && e->nsessions - e->nconns >= e->conf->connections;
}

static void
complain(const struct listener *l, const char *what)
{
	log_limited(l->conf->spec, "shortages at listen", LOG_WARNING, NULL, "listen %s: %s",
	    l->conf->spec, what);
}

/* When all connections are in use: closes one that was never of use. 1 if there was one. */
static int
may_go_on(struct listener *l)
{
	char		 text[64];
	enum room	 room = l->make_room(l);

	if (room == ROOM_MADE)
		return 1;
	snprintf(text, sizeof(text), "all of its %u connections are in use",
	    l->engine->conf->connections);
	complain(l, text);
	/* Nobody tells this engine when a connection closes at another one. */
	pause_listener(l, NUMBERS_PAUSE_CONNECTIONS, room == ROOM_LATER ||
	    l->engine->conf->engines > 1 || board_has_older(l->engine->board));
	return 0;
}

static void
on_accept(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct listener	*l = arg;
	int		 i;

	for (i = 0; i < (l->engine->conf->engines > 1 ? 1 : ACCEPTS_A_TURN); i++) {
		if (is_full(l) && !may_go_on(l))
			return;
		if (has_backlog(l->engine)) {
			complain(l, "sessions that are over wait for their reports to be taken");
			pause_listener(l, NUMBERS_PAUSE_REPORTS, 1);
			return;
		}
		if (memory_is_short()) {
			complain(l, "not enough memory for another connection");
			pause_listener(l, NUMBERS_PAUSE_DESCRIPTORS, 1);
			return;
		}
		if (!engine_has_room(l->engine)) {
			complain(l, "too few file descriptors");
			pause_listener(l, NUMBERS_PAUSE_DESCRIPTORS, 1);
			return;
		}
		if (!accept_one(l))
			return;
	}
}
