/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "conn.h"
#include "hproc.h"
#include "log.h"
#include "milter_enc.h"
#include "mono.h"
#include "pool.h"
#include "xmalloc.h"

/* As libmilter: longer than any SMTP session may be silent. Seconds. */
#define IDLE_TIMEOUT	7210
/* For the rest of a packet that has begun, and for a peer that does not read. */
#define STALL_TIMEOUT	60
/* Sendmail waits 10 s for a sign of life while a message ends. */
#define PROGRESS_EVERY	5

/* One read for all connections of an engine; what is left of it is kept by each. */
#define READ_SIZE	(256 * 1024)
/* Answers that may wait for a peer that does not read. */
#define OUT_HIGH	(64 * 1024)
/* Beside the largest body that may be replaced there are up to max-actions headers. */
#define OUT_MAX		(SIZE_MAX / 2)

static void on_read(evutil_socket_t, short, void *);
static void on_write(evutil_socket_t, short, void *);
static void on_deadline(evutil_socket_t, short, void *);
static void on_progress(evutil_socket_t, short, void *);
static void flush(struct conn *);
static void conn_close(struct conn *, const char *);

static const char *
ids(const struct conn *c)
{
	return c->session == NULL ? NULL : c->session->ids;
}

/* The time for a packet counts from its first byte, however slowly it comes. */
static void
want_read(struct conn *c)
{
	struct timeval	 tv = { IDLE_TIMEOUT, 0 };
	uint64_t	 now, end;

	if (c->in_len == 0)
		c->packet_since = 0;
	else {
		now = mono_ms();
		if (c->packet_since == 0)
			c->packet_since = now;
		end = c->packet_since + STALL_TIMEOUT * 1000;
		tv = engine_timeval(end > now ? end - now : 0);
	}
	event_add(&c->ev_read, &tv);
}

void
conn_new(struct listener *l, int fd, const struct netaddr *peer)
{
	struct conn		*c = xcalloc(1, sizeof(*c));
	struct event_base	*base = l->engine->base;
	int			 on = 1;

	c->engine = l->engine;
	c->listener = l;
	c->fd = fd;
	/* The other side of a unix socket has no name of its own. */
	strlcpy(c->peer, peer->ss.ss_family == AF_UNIX ? l->conf->spec : netaddr_print(peer),
	    sizeof(c->peer));
	c->missing = xcalloc(l->conf->nhandlers, sizeof(*c->missing));
	buf_init(&c->out, OUT_MAX);
	/* An answer of several small packets would wait for an ACK otherwise. */
	if (peer->ss.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event_assign(&c->ev_read, base, fd, EV_READ | EV_PERSIST, on_read, c);
	event_assign(&c->ev_write, base, fd, EV_WRITE, on_write, c);
	evtimer_assign(&c->ev_deadline, base, on_deadline, c);
	event_assign(&c->ev_progress, base, -1, EV_PERSIST, on_progress, c);
	TAILQ_INSERT_TAIL(&c->engine->conns, c, entry);
	c->engine->nconns++;
	want_read(c);
	log_msg(LOG_DEBUG, NULL, "connection from %s, accepted at %s", c->peer, l->conf->spec);
}

void
conn_release_session(struct engine *e, struct session *s)
{
	if (s->ntasks > 0)
		return;
	e->nsessions--;
	session_free(s);
}

/* The session goes on without us until its reports are delivered. */
static void
detach_session(struct conn *c, const char *reason)
{
	struct session	*s = c->session;

	if (s == NULL)
		return;
	c->session = NULL;
	s->owner = NULL;
	session_end(s, reason);
	pool_run_lines(c->engine, s);
	conn_release_session(c->engine, s);
}

/* What a handler was asked and nobody waits for. */
static void
abandon_ask(struct conn *c)
{
	struct session	*s = c->session;
	struct task	*t;

	if (!c->waiting)
		return;
	c->waiting = 0;
	evtimer_del(&c->ev_deadline);
	event_del(&c->ev_progress);
	TAILQ_FOREACH(t, &s->h[s->cur.asked].line, line)
		if (!t->report)
			break;
	if (t != NULL)
		pool_abandon(c->engine, s, t);
}

static void
conn_close(struct conn *c, const char *reason)
{
	if (c->dead)
		return;
	c->dead = 1;
	abandon_ask(c);
	event_del(&c->ev_read);
	event_del(&c->ev_write);
	evtimer_del(&c->ev_deadline);
	event_del(&c->ev_progress);
	close(c->fd);
	c->fd = -1;
	detach_session(c, reason);
	TAILQ_REMOVE(&c->engine->conns, c, entry);
	TAILQ_INSERT_TAIL(&c->engine->dead_conns, c, entry);
	c->engine->nconns--;
	listener_conn_closed(c->listener);
}

void
conn_free(struct conn *c)
{
	free(c->in);
	free(c->missing);
	buf_free(&c->out);
	free(c);
}

static void
new_session(struct conn *c)
{
	c->session = session_new(c->engine->conf, c->listener->conf, &c->neg, c->missing);
	c->session->owner = c;
	c->engine->nsessions++;
}

static void
log_missing(const struct conn *c)
{
	size_t	 i;

	for (i = 0; i < c->listener->conf->nhandlers; i++)
		if (c->missing[i] != NULL)
			log_msg(LOG_WARNING, ids(c),
			    "handler %s: it requires %s, which the MTA (milter version %u) does not "
			    "offer; on-failure answers for it on this connection",
			    session_handler(c->session, (unsigned int)i)->name, c->missing[i],
			    c->neg.version);
}

/* The answer to O. Returns 0 if the offer can't be taken. */
static int
on_optneg(struct conn *c, const struct milter_cmd *cmd)
{
	char	*lists[SMFIM_COUNT];
	int	 i;

	if (c->negotiated || negotiate(c->engine->conf, c->listener->conf,
	    cmd->u.optneg.version, cmd->u.optneg.actions, cmd->u.optneg.protocol,
	    &c->neg, c->missing) == -1) {
		log_msg(LOG_WARNING, ids(c), "%s: %s", c->peer, c->negotiated ?
		    "a second option negotiation" : "a milter version below 2");
		return 0;
	}
	c->negotiated = 1;
	new_session(c);
	log_missing(c);
	negotiate_macros(c->engine->conf, c->listener->conf, lists);
	milter_enc_optneg(&c->out, c->neg.version, c->neg.actions, c->neg.protocol,
	    (c->neg.actions & SMFIF_SETSYMLIST) ? (const char *const *)lists : NULL);
	for (i = 0; i < SMFIM_COUNT; i++)
		free(lists[i]);
	log_msg(LOG_DEBUG, ids(c), "%s: negotiated version %u, actions 0x%x, protocol 0x%x",
	    c->peer, c->neg.version, c->neg.actions, c->neg.protocol);
	return 1;
}

static void
start_waiting(struct conn *c)
{
	const struct conf	*conf = c->engine->conf;
	int			 at_end = c->session->cur.wire == SMFIC_BODYEOB;
	struct timeval		 tv, every = { PROGRESS_EVERY, 0 };

	pool_run_lines(c->engine, c->session);
	if (c->waiting)
		return;
	c->waiting = 1;
	tv = engine_timeval(at_end ? conf->message_timeout : conf->event_timeout);
	evtimer_add(&c->ev_deadline, &tv);
	if (at_end)
		event_add(&c->ev_progress, &every);
}

static void
stop_waiting(struct conn *c)
{
	c->waiting = 0;
	evtimer_del(&c->ev_deadline);
	event_del(&c->ev_progress);
}

/* What a session wants done. Returns 0 if the connection is to be closed. */
static int
act(struct conn *c, enum step step)
{
	switch (step) {
	case STEP_GO:
		if (c->waiting)
			stop_waiting(c);
		pool_run_lines(c->engine, c->session);
		return 1;
	case STEP_WAIT:
		start_waiting(c);
		return 1;
	case STEP_CLOSE:
		break;
	}
	return 0;
}

/* Another client follows on this connection. */
static void
next_session(struct conn *c)
{
	detach_session(c, "next");
	new_session(c);
}

/* Returns 0 if the connection was closed, or is to be. */
static int
command(struct conn *c, const struct milter_cmd *cmd)
{
	struct macros	 early;

	switch (cmd->code) {
	case SMFIC_OPTNEG:
		return on_optneg(c, cmd);
	case SMFIC_QUIT:
		flush(c);
		conn_close(c, "quit");
		return 0;
	case SMFIC_ABORT:
		/* Postfix sends one now and then where there is nothing to abort. */
		if (!c->negotiated)
			return 1;
		break;
	}
	if (!c->negotiated) {
		log_msg(LOG_WARNING, NULL, "%s: command '%c' before option negotiation", c->peer,
		    cmd->code);
		return 0;
	}
	if (cmd->code == SMFIC_QUIT_NC) {
		next_session(c);
		return 1;
	}
	if (cmd->code == SMFIC_CONNECT && c->session->begun) {
		/* Its macros have come already, in the old one's time. */
		macros_init(&early);
		macros_move_connect(&early, &c->session->macros);
		next_session(c);
		macros_move_connect(&c->session->macros, &early);
	}
	return act(c, session_command(c->session, cmd, &c->out));
}

/* 1 while nothing more is to be understood of what the MTA sent. */
static int
is_paused(const struct conn *c)
{
	return c->waiting || c->dead || c->closing || c->out.len > OUT_HIGH ||
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

	while (!is_paused(c)) {
		frame = milter_frame(p + done, len - done, &pkt, &used);
		if (frame == MILTER_FRAME_MORE)
			break;
		if (frame == MILTER_FRAME_BAD || milter_dec_cmd(&pkt, &cmd, &why) == -1) {
			log_msg(LOG_WARNING, ids(c), "%s: %s", c->peer, why);
			c->closing = 1;
			break;
		}
		done += used;
		c->packet_since = 0;
		if (!command(c, &cmd))
			c->closing = 1;
	}
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
	flush(c);
	if (c->dead)
		return;
	if (is_paused(c)) {
		event_del(&c->ev_read);
		c->packet_since = 0;
	} else
		want_read(c);
}

/*
 * Goes on with what was kept while it was paused. Writing what is owed may
 * end a pause, and nothing else would come back to what waits then.
 */
static void
go_on(struct conn *c)
{
	size_t	 done;

	do {
		flush(c);
		done = c->in_len > 0 ? understand(c, c->in, c->in_len) : 0;
		if (done > 0)
			keep(c, c->in + done, c->in_len - done);
	} while (done > 0);
	settle(c);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	static unsigned char	 bytes[READ_SIZE];
	struct conn		*c = arg;
	ssize_t			 n;
	size_t			 len, done;

	if (what & EV_TIMEOUT) {
		log_msg(LOG_WARNING, ids(c), "%s: %s", c->peer, c->in_len > 0 ?
		    "a packet does not end" : "nothing came for two hours");
		conn_close(c, "closed");
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
	go_on(c);
}

void
conn_answered(struct conn *c, struct task_result *r)
{
	if (!act(c, session_answer(c->session, r, &c->out)))
		c->closing = 1;
	go_on(c);
}

void
conn_resume(struct conn *c)
{
	if (!event_pending(&c->ev_read, EV_READ, NULL))
		go_on(c);
}

/* The event in hand has taken too long, all handlers together. */
static void
on_deadline(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct conn	*c = arg;

	abandon_ask(c);
	act(c, session_timeout(c->session, &c->out));
	go_on(c);
}

static void
on_progress(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct conn	*c = arg;

	milter_enc_simple(&c->out, SMFIR_PROGRESS);
	flush(c);
}

/* Writes what is owed, in one call if the socket takes it. */
static void
flush(struct conn *c)
{
	struct timeval	 tv = { STALL_TIMEOUT, 0 };
	ssize_t		 n;

	if (c->dead)
		return;
	if (c->out.len > 0) {
		n = write(c->fd, c->out.data, c->out.len);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			log_msg(LOG_DEBUG, ids(c), "%s: write: %s", c->peer, strerror(errno));
			conn_close(c, "closed");
			return;
		}
		if (n > 0)
			buf_drain(&c->out, (size_t)n);
	}
	if (c->out.len > 0)
		event_add(&c->ev_write, &tv);
	else {
		buf_free(&c->out);
		if (c->closing)
			conn_close(c, "closed");
	}
}

static void
on_write(evutil_socket_t fd __unused, short what, void *arg)
{
	struct conn	*c = arg;

	if (what & EV_TIMEOUT) {
		log_msg(LOG_WARNING, ids(c), "%s: it does not read our answers", c->peer);
		conn_close(c, "closed");
		return;
	}
	flush(c);
	if (!c->dead && c->out.len == 0)
		go_on(c);
}

void
conn_orphan(struct conn *c)
{
	if (c->waiting) {
		abandon_ask(c);
		session_give_up(c->session, &c->out);
	}
	flush(c);
	conn_close(c, "closed");
}
