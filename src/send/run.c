/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/run.c: plays a plan over many connections.
 */
#include "base/compat.h"

#include <sys/epoll.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "milter/proto.h"
#include "send/conn.h"
#include "send/run.h"
#include "base/xmalloc.h"

#define MAX_EVENTS	256
#define TICK_MS		100	/* how often deadlines are looked at */

struct slot {
	struct send_conn	 conn;
	struct mta_hooks	 hooks;
	struct mta_player	*player;	/* or NULL: run->side plays */
	struct send_run		*run;
	size_t			 left;		/* messages left for this connection */
	int64_t			 opened;	/* ns */
	int64_t			 began;		/* ns, of the message */
	uint32_t		 polled;
	int			 busy;
};

struct loop {
	struct send_run	*run;
	int		 ep;
	struct slot	*slots;
	size_t		 nslots;
	size_t		 busy;
	size_t		 left;		/* messages that no connection has yet */
	int64_t		 next_tick;
};

static int64_t
now_ns(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int
load_more(void *arg)
{
	struct slot	*s = arg;

	if (s->left == 0)
		return 0;
	s->left--;
	return 1;
}

static void
load_begin(void *arg, const char *queue_id)
{
	struct slot	*s = arg;

	(void)queue_id;
	s->began = now_ns();
}

/*
 * The latency of a message counts from MAIL, or from the connection if it never
 * reached MAIL.
 */
static void
load_end(void *arg, const struct mta_outcome *o)
{
	struct slot		*s = arg;
	struct send_stats	*st = &s->run->stats;

	if (o->command == SMFIC_CONNECT || o->command == SMFIC_HELO)
		s->began = s->opened;
	st->messages++;
	st->results[o->result]++;
	if (st->nlatencies < s->run->count)
		st->latencies[st->nlatencies++] = now_ns() - s->began;
}

static void
set_hooks(struct slot *s)
{
	if (s->run->watch != NULL) {
		s->hooks = *s->run->watch;
		return;
	}
	memset(&s->hooks, 0, sizeof(s->hooks));
	s->hooks.arg = s;
	s->hooks.more = load_more;
	s->hooks.message_begin = load_begin;
	s->hooks.message_end = load_end;
}

static int
poll_for(struct loop *l, struct slot *s, int op)
{
	struct epoll_event	 ev;

	memset(&ev, 0, sizeof(ev));
	ev.events = send_conn_wants(&s->conn);
	ev.data.ptr = s;
	if (op == EPOLL_CTL_MOD && ev.events == s->polled)
		return 0;
	s->polled = ev.events;
	return epoll_ctl(l->ep, op, s->conn.fd, &ev);
}

static void
close_slot(struct slot *s)
{
	send_conn_close(&s->conn);
	mta_player_free(s->player);
	s->player = NULL;
	s->busy = 0;
}

/* Ends a connection that is over and adds it to the figures. Returns -1 if it failed. */
static int
end_slot(struct loop *l, struct slot *s)
{
	int	 failed = s->conn.state == SEND_CONN_FAILED;

	if (failed)
		(void)strlcpy(l->run->error, s->conn.error, sizeof(l->run->error));
	if (s->player != NULL)
		l->run->stats.events += mta_player_events(s->player);
	l->left += s->left;
	s->left = 0;
	close_slot(s);
	l->busy--;
	return failed ? -1 : 0;
}

static int
slot_is_over(const struct slot *s)
{
	return s->conn.state == SEND_CONN_DONE || s->conn.state == SEND_CONN_FAILED;
}

static void
connect_slot(struct slot *s)
{
	struct send_run	*run = s->run;
	struct mta_side	 side;
	int64_t		 now;

	if (run->side != NULL)
		side = *run->side;
	else {
		s->player = mta_player_new(run->plan, &s->hooks);
		mta_player_side(s->player, &side);
	}
	s->opened = now_ns();
	now = s->opened / 1000000;
	if (run->first_fd == -1)
		send_conn_open(&s->conn, &run->addr, &side, now);
	else
		send_conn_adopt(&s->conn, run->first_fd, &side, now);
	run->first_fd = -1;
	s->conn.linger = run->watch != NULL || run->side != NULL;
}

static int
open_slot(struct loop *l, struct slot *s)
{
	s->left = l->run->per_connection < l->left ? l->run->per_connection : l->left;
	l->left -= s->left;
	s->left--;
	s->run = l->run;
	set_hooks(s);
	s->busy = 1;
	l->busy++;
	l->run->stats.connections++;
	connect_slot(s);
	if (slot_is_over(s))
		return end_slot(l, s);
	if (poll_for(l, s, EPOLL_CTL_ADD) == 0)
		return 0;
	(void)snprintf(l->run->error, sizeof(l->run->error), "epoll_ctl: %s",
	    strerror(errno));
	return -1;
}

static int
fill_slots(struct loop *l)
{
	size_t	 i;

	if (l->busy == l->nslots)
		return 0;
	for (i = 0; i < l->nslots && l->left > 0; i++)
		if (!l->slots[i].busy && open_slot(l, &l->slots[i]) == -1)
			return -1;
	return 0;
}

static int
tick(struct loop *l, int64_t now)
{
	size_t	 i;

	if (now < l->next_tick)
		return 0;
	l->next_tick = now + TICK_MS;
	for (i = 0; i < l->nslots; i++) {
		if (!l->slots[i].busy)
			continue;
		send_conn_tick(&l->slots[i].conn, now);
		if (slot_is_over(&l->slots[i]) && end_slot(l, &l->slots[i]) == -1)
			return -1;
	}
	return 0;
}

static int
serve_slot(struct loop *l, struct slot *s, uint32_t events, int64_t now)
{
	send_conn_ready(&s->conn, events, now);
	if (slot_is_over(s))
		return end_slot(l, s);
	return poll_for(l, s, EPOLL_CTL_MOD);
}

static int
turn(struct loop *l)
{
	struct epoll_event	 ev[MAX_EVENTS];
	int			 i, n;
	int64_t			 now;

	n = epoll_pwait(l->ep, ev, MAX_EVENTS, TICK_MS, l->run->wait_mask);
	if (n == -1 && errno != EINTR) {
		(void)snprintf(l->run->error, sizeof(l->run->error), "epoll_wait: %s",
		    strerror(errno));
		return -1;
	}
	now = now_ns() / 1000000;
	for (i = 0; i < n; i++)
		if (serve_slot(l, ev[i].data.ptr, ev[i].events, now) == -1)
			return -1;
	return tick(l, now);
}

static int
run_loop(struct loop *l)
{
	while (l->left > 0 || l->busy > 0) {
		if (*l->run->stop) {
			(void)strlcpy(l->run->error, "interrupted", sizeof(l->run->error));
			return -1;
		}
		if (fill_slots(l) == -1 || turn(l) == -1)
			return -1;
	}
	return 0;
}

int
send_run(struct send_run *run)
{
	struct loop	 l;
	int64_t		 began = now_ns();
	size_t		 i;
	int		 r;

	memset(&l, 0, sizeof(l));
	l.run = run;
	l.left = run->count;
	l.nslots = run->connections < run->count ? run->connections : run->count;
	l.slots = xcalloc(l.nslots, sizeof(*l.slots));
	run->stats.latencies = xcalloc(run->count, sizeof(*run->stats.latencies));
	if ((l.ep = epoll_create1(EPOLL_CLOEXEC)) == -1) {
		(void)snprintf(run->error, sizeof(run->error), "epoll_create1: %s",
		    strerror(errno));
		r = -1;
	} else
		r = run_loop(&l);
	for (i = 0; i < l.nslots; i++)
		if (l.slots[i].busy)
			close_slot(&l.slots[i]);
	if (l.ep != -1)
		(void)close(l.ep);
	free(l.slots);
	run->stats.nanoseconds = now_ns() - began;
	return r;
}

void
send_run_free(struct send_run *run)
{
	free(run->stats.latencies);
}
