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

#include "conn_int.h"
#include "hproc.h"
#include "log.h"
#include "milter_enc.h"
#include "pool.h"
#include "xmalloc.h"

/* As libmilter: longer than any SMTP session may be silent. Seconds. */
#define IDLE_TIMEOUT	7210
/* Sendmail waits 10 s for a sign of life while a message ends. */
#define PROGRESS_EVERY	5

/* One read for all connections of an engine; what is left of it is kept by each. */
#define READ_SIZE	(256 * 1024)

static void on_read(evutil_socket_t, short, void *);
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

/*
 * The time for a packet counts from its first byte, however slowly it comes.
 * That for silence is looked at when it is over, not with each command.
 */
static void
want_read(struct conn *c)
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
	    (uint64_t)(in_packet ? CONN_STALL_TIMEOUT : IDLE_TIMEOUT) * 1000;
	conn_set_timer(c);
}

/*
 * While it is paused an MTA rarely sends anything, so its event stays where it
 * is until that happens: most pauses cost no system call.
 */
static void
stop_reading(struct conn *c)
{
	if (c->reading)
		event_del(&c->ev_read);
	c->reading = 0;
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
	c->peer = xstrdup(peer->ss.ss_family == AF_UNIX ? l->conf->spec : netaddr_print(peer));
	c->missing = xcalloc(l->conf->nhandlers, sizeof(*c->missing));
	buf_init(&c->out, CONN_OUT_MAX);
	if (c->engine->conf->record_fd != -1)
		c->record = record_new(c->engine->conf->record_fd);
	/* An answer of several small packets would wait for an ACK otherwise. */
	if (peer->ss.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event_assign(&c->ev_read, base, fd, EV_READ | EV_PERSIST, on_read, c);
	ltimer_init(&c->timer, base, on_timer, c);
	TAILQ_INSERT_TAIL(&c->engine->conns, c, entry);
	c->engine->nconns++;
	want_read(c);
	log_msg(LOG_DEBUG, NULL, "connection from %s, accepted at %s", c->peer, l->conf->spec);
}

void
conn_release_session(struct engine *e, struct session *s)
{
	if (s->ntasks > 0 || s->released)
		return;
	s->released = 1;
	e->nsessions--;
	TAILQ_INSERT_TAIL(&e->dead_sessions, s, dead);
}

/* The session goes on without us until its reports are delivered. */
static void
detach_session(struct conn *c, const char *reason)
{
	struct session	*s = c->session;

	if (s == NULL)
		return;
	if (c->record != NULL)
		record_end(c->record, reason);
	c->session = NULL;
	s->owner = NULL;
	session_end(s, reason);
	pool_run_lines(c->engine, s);
	conn_release_session(c->engine, s);
}

static void
stop_waiting(struct conn *c)
{
	c->waiting = 0;
	c->ask_due = c->progress_due = 0;
}

/* What a handler was asked and nobody waits for; late: that is its fault. */
static void
abandon_ask(struct conn *c, int late)
{
	struct session	*s = c->session;
	struct task	*t;

	if (!c->waiting)
		return;
	stop_waiting(c);
	TAILQ_FOREACH(t, &s->h[s->cur.asked].line, line)
		if (!t->report && !t->shadow)
			break;
	if (t != NULL)
		pool_abandon(c->engine, t, late);
}

void
conn_close(struct conn *c, const char *reason)
{
	if (c->dead)
		return;
	c->dead = 1;
	abandon_ask(c, 0);
	stop_reading(c);
	conn_stop_writing(c);
	ltimer_stop(&c->timer);
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
	free(c->peer);
	free(c->missing);
	buf_free(&c->out);
	record_free(c->record);
	free(c);
}

static void
new_session(struct conn *c)
{
	c->session = session_new(c->engine->conf, c->listener->conf, &c->neg, c->missing);
	c->session->owner = c;
	if (c->record != NULL)
		record_begin(c->record, c->session->id);
	c->engine->nsessions++;
}

static void
log_missing(const struct conn *c)
{
	size_t	 i;

	for (i = 0; i < c->listener->conf->nhandlers; i++)
		if (c->missing[i] != NULL)
			log_msg(LOG_WARNING, conn_ids(c),
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
		log_msg(LOG_WARNING, conn_ids(c), "%s: %s", c->peer, c->negotiated ?
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
	log_msg(LOG_DEBUG, conn_ids(c), "%s: negotiated version %u, actions 0x%x, protocol 0x%x",
	    c->peer, c->neg.version, c->neg.actions, c->neg.protocol);
	return 1;
}

static void
start_waiting(struct conn *c)
{
	const struct conf	*conf = c->engine->conf;
	int			 at_end = c->session->cur.wire == SMFIC_BODYEOB;
	uint64_t		 now;

	/* Before a handler is asked: that it can't be may be known at once. */
	if (!c->waiting) {
		now = engine_now(c->engine);
		c->waiting = 1;
		c->ask_due = now + (at_end ? conf->message_timeout : conf->event_timeout);
		c->progress_due = at_end ? now + PROGRESS_EVERY * 1000 : 0;
		conn_set_timer(c);
	}
	pool_run_lines(c->engine, c->session);
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

/* The same with no word from the MTA; its macros have come already, in the old one's time. */
static void
session_without_end(struct conn *c)
{
	struct macros	 early;

	macros_init(&early);
	macros_move_connect(&early, &c->session->macros);
	next_session(c);
	macros_move_connect(&c->session->macros, &early);
}

/* Returns 0 if the connection was closed, or is to be. */
static int
command(struct conn *c, const struct milter_cmd *cmd)
{
	if (cmd->code == SMFIC_CONNECT && c->session != NULL && c->session->begun)
		session_without_end(c);
	/* What has no place where it came is not a part of any session. */
	if (c->record != NULL && (cmd->code == SMFIC_OPTNEG) != c->negotiated)
		record_command(c->record, cmd, &c->out);
	switch (cmd->code) {
	case SMFIC_OPTNEG:
		return on_optneg(c, cmd);
	case SMFIC_QUIT:
		conn_flush(c);
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
	return act(c, session_command(c->session, cmd, &c->out));
}

/* 1 while nothing more is to be understood of what the MTA sent. */
static int
is_paused(const struct conn *c)
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
	while (!is_paused(c)) {
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
		if (!command(c, &cmd))
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
	if (!is_paused(c))
		want_read(c);
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

static void
on_read(evutil_socket_t fd, short what __unused, void *arg)
{
	static unsigned char	 bytes[READ_SIZE];
	struct conn		*c = arg;
	ssize_t			 n;
	size_t			 len, done;

	if (is_paused(c)) {
		stop_reading(c);
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
conn_answered(struct conn *c, struct task_result *r)
{
	conn_take_out(c);
	if (!act(c, session_answer(c->session, r, &c->out)))
		c->closing = 1;
	conn_go_on(c);
}

void
conn_resume(struct conn *c)
{
	if (!is_paused(c))
		conn_go_on(c);
}

static void
on_idle(struct conn *c)
{
	if (!c->in_packet && (c->heard || is_paused(c))) {
		c->heard = 0;
		c->idle_due = engine_now(c->engine) + IDLE_TIMEOUT * 1000;
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
	abandon_ask(c, 1);
	act(c, session_timeout(c->session, &c->out));
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
		c->progress_due = now + PROGRESS_EVERY * 1000;
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
		abandon_ask(c, 0);
		session_give_up(c->session, &c->out);
	}
	conn_flush(c);
	conn_close(c, "closed");
}
