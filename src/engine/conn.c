/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn.c: one milter connection from accept(2) to close(2): it reads commands,
 * gives them to the session, writes the answers, and keeps the deadlines.
 */
#include "base/compat.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/memory.h"
#include "base/xmalloc.h"
#include "engine/conn.h"
#include "engine/ltimer.h"
#include "engine/pool.h"
#include "engine/record.h"
#include "engine/watch.h"
#include "milter/encode.h"

/* Seconds that an SMTP session may be silent. libmilter uses the same. */
#define IDLE_TIMEOUT	7210
/* Seconds between two signs of life. Sendmail waits 10 s for one at the end of a message. */
#define PROGRESS_EVERY	5
/* Seconds for the rest of a packet that has begun, and for a peer that does not read. */
#define STALL_TIMEOUT	60
/* Seconds for a peer to negotiate options. MTAs do so at once. */
#define NEGOTIATE_TIMEOUT	30
/* Seconds of silence before negotiation after which another peer may have the place. */
#define SILENT_TIMEOUT	1
/* Bytes of answers that may wait for a peer that does not read: above, no command is read. */
#define OUT_HIGH	(64 * 1024)
/* An answer may have a whole body and max-actions headers, so no smaller number is safe. */
#define OUT_MAX		(SIZE_MAX / 2)

/* Bytes of a packet, or a part of one, that are kept even where memory is short. */
#define SURE_BYTES	4096

/*
 * Where memory is short, a peer that has been silent for so many ms makes room if it holds
 * so many bytes. A default `memory' has more than that for each connection.
 */
#define HOLDER_SILENT	10000
#define HOLDER_BYTES	(64 * 1024)
#define HOLDER_EVERY	100	/* ms from one search for them to the next */

/*
 * Bytes of one read(2). All connections of an engine share the buffer; each
 * keeps its rest.
 */
#define READ_SIZE	(256 * 1024)

struct conn {
	TAILQ_ENTRY(conn)	 entry;
	struct engine		*engine;
	struct listener		*listener;
	int			 fd;
	char			*peer;
	struct event		 ev_read;
	struct event		*ev_write;	/* waits until the peer reads again; NULL: it does */
	struct ltimer		 timer;		/* for the earliest of the next four, in ms; 0: none */
	uint64_t		 idle_due;	/* for the next command, or the rest of a packet */
	uint64_t		 write_due;	/* for the peer to read what we write */
	/* for all handlers that one event asks; before that, for negotiation */
	uint64_t		 ask_due;
	uint64_t		 progress_due;	/* when the next sign of life is due */
	uint64_t		 heard_at;	/* ms: when bytes came last, or a pause ended */
	unsigned char		*in;		/* bytes of packets that were not read to their end */
	size_t			 in_len;
	struct buf		 out;
	struct negotiated	 neg;
	const char		**missing;	/* by handler of the listener: what the MTA lacks */
	struct session		*session;	/* NULL before negotiation */
	struct record		*record;	/* NULL: sessions are not recorded */
	const char		*ending;	/* why it is closed once out is written; NULL: it is not */
	unsigned int		 negotiated : 1;
	unsigned int		 reading : 1;	/* ev_read was added */
	unsigned int		 in_packet : 1;	/* idle_due is for the rest of a packet */
	unsigned int		 heard : 1;	/* bytes have come since idle_due was set */
	unsigned int		 waiting : 1;	/* a handler was asked, and has not answered */
	unsigned int		 busy : 1;	/* commands are being decoded: do not begin again */
	unsigned int		 last_look : 1;	/* conn_answer_all() has come to it */
	unsigned int		 dead : 1;
};

static void close_conn(struct conn *, const char *);
static void go_on(struct conn *);
static void on_read(evutil_socket_t, short, void *);
static void on_write(evutil_socket_t, short, void *);
static void on_ask_due(struct conn *);
static void on_conn_timer(void *);

/* The ids for a log line; NULL before there is a session. */
static const char *
log_ids(const struct conn *c)
{
	return c->session == NULL ? NULL : c->session->ids;
}

/* A peer can cause as many of these lines as it likes. */
static void
log_peer(const struct conn *c, const char *what)
{
	log_limited(c->listener->conf->spec, "protocol errors at", LOG_WARNING, log_ids(c),
	    "%s: %s", c->peer, what);
}

static void
set_conn_timer(struct conn *c)
{
	ltimer_set(&c->timer, ltimer_first(ltimer_first(c->idle_due, c->write_due),
	    ltimer_first(c->ask_due, c->progress_due)));
}

static void
stop_writing(struct conn *c)
{
	if (c->ev_write != NULL)
		event_free(c->ev_write);
	c->ev_write = NULL;
	c->write_due = 0;
}

/* The peer reads no more for now: writes again when it does. */
static void
write_answers_later(struct conn *c)
{
	if (c->ev_write == NULL)
		c->ev_write = event_new(c->engine->base, c->fd, EV_WRITE, on_write, c);
	if (c->ev_write == NULL) {
		log_peer(c, "not enough memory to write answers later");
		close_conn(c, "closed");
		return;
	}
	event_add(c->ev_write, NULL);
	c->write_due = engine_now(c->engine) + STALL_TIMEOUT * 1000;
	set_conn_timer(c);
}

/* Takes memory for answers that another buffer has given back, if there is some. */
static void
borrow_out(struct conn *c)
{
	if (c->out.data == NULL)
		buf_borrow(&c->out, &c->engine->idle_mem);
}

/* Writes the answers that wait, in one call if the socket takes them. */
static void
flush_answers(struct conn *c)
{
	ssize_t		 n;

	if (c->dead)
		return;
	if (!buf_ok(&c->out)) {
		log_peer(c, "not enough memory for an answer");
		close_conn(c, "closed");
		return;
	}
	if (c->out.len > 0) {
		if (c->record != NULL)
			record_answers(c->record, &c->out);
		n = write(c->fd, c->out.data, c->out.len);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			log_msg(LOG_DEBUG, log_ids(c), "%s: write: %s", c->peer, strerror(errno));
			if (c->record != NULL)
				record_unsent(c->record);
			close_conn(c, "closed");
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
		write_answers_later(c);
		return;
	}
	/* A connection at rest owns no memory for answers. */
	buf_lend(&c->out, &c->engine->idle_mem, OUT_HIGH);
	if (c->ev_write != NULL)
		stop_writing(c);
	if (c->ending != NULL)
		close_conn(c, c->ending);
}

static void
on_write(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	struct conn	*c = arg;

	flush_answers(c);
	if (!c->dead && c->out.len == 0)
		go_on(c);
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

/* Frees the session at the end of the turn, if it has no task. */
static void
release_session(struct engine *e, struct session *s)
{
	if (s->ntasks > 0 || s->released)
		return;
	s->released = 1;
	e->nsessions--;
	TAILQ_INSERT_TAIL(&e->dead_sessions, s, dead);
}

/* The session goes on without its connection until its reports are taken. */
static void
end_session(struct conn *c, const char *reason)
{
	struct session	*s = c->session;

	if (s == NULL)
		return;
	if (c->record != NULL)
		record_end(c->record, reason);
	c->session = NULL;
	s->owner = NULL;
	session_end(s, reason);
	pool_run_tasks(c->engine, s);
	release_session(c->engine, s);
}

static void
log_missing(const struct conn *c)
{
	size_t	 i;

	for (i = 0; i < c->listener->conf->nhandlers; i++)
		if (c->missing[i] != NULL)
			log_msg(LOG_WARNING, log_ids(c),
			    "handler %s: it requires %s, which the MTA (milter version %u) does not "
			    "offer; on-failure answers for it on this connection",
			    session_handler(c->session, (unsigned int)i)->name, c->missing[i],
			    c->neg.version);
}

/* Answers a negotiation. Returns 0 if the offer can't be taken. */
static int
on_optneg(struct conn *c, const struct milter_cmd *cmd)
{
	char	*lists[SMFIM_COUNT];
	int	 i;

	if (c->negotiated || negotiate(c->engine->conf, c->listener->conf,
	    cmd->u.optneg.version, cmd->u.optneg.actions, cmd->u.optneg.protocol,
	    &c->neg, c->missing) == -1) {
		numbers_add(&c->listener->numbers->protocol_errors, 1);
		log_peer(c, c->negotiated ?
		    "a second option negotiation" : "a milter version below 2");
		return 0;
	}
	c->negotiated = 1;
	c->ask_due = 0;
	new_session(c);
	log_missing(c);
	negotiate_macros(c->engine->conf, c->listener->conf, lists);
	milter_enc_optneg(&c->out, c->neg.version, c->neg.actions, c->neg.protocol,
	    (c->neg.actions & SMFIF_SETSYMLIST) ? (const char *const *)lists : NULL);
	for (i = 0; i < SMFIM_COUNT; i++)
		free(lists[i]);
	log_msg(LOG_DEBUG, log_ids(c), "%s: negotiated version %u, actions 0x%x, protocol 0x%x",
	    c->peer, c->neg.version, c->neg.actions, c->neg.protocol);
	return 1;
}

static void
stop_waiting(struct conn *c)
{
	c->waiting = 0;
	c->ask_due = c->progress_due = 0;
}

static void
start_waiting(struct conn *c)
{
	const struct conf	*conf = c->engine->conf;
	int			 at_end = c->session->cur.wire == SMFIC_BODYEOB;
	uint64_t		 now;

	/* Before the handler is asked: it may fail at once, and that ends the wait. */
	if (!c->waiting) {
		now = engine_now(c->engine);
		c->waiting = 1;
		c->ask_due = now + (c->engine->ending ? 0 :
		    at_end ? conf->message_timeout : conf->event_timeout);
		c->progress_due = at_end ? now + PROGRESS_EVERY * 1000 : 0;
		set_conn_timer(c);
	}
	pool_run_tasks(c->engine, c->session);
}

/* Does what the session wants. Returns 0 if the connection is to be closed after the answers. */
static int
take_step(struct conn *c, enum step step)
{
	switch (step) {
	case STEP_GO:
		if (c->waiting)
			stop_waiting(c);
		pool_run_tasks(c->engine, c->session);
		return !c->session->broken;
	case STEP_WAIT:
		start_waiting(c);
		return 1;
	case STEP_CLOSE:
		break;
	}
	return 0;
}

/* Nobody waits any more for the handler that was asked. late: it has taken too long. */
static void
abandon_ask(struct conn *c, int late)
{
	struct session	*s = c->session;
	struct task	*t;

	if (!c->waiting)
		return;
	stop_waiting(c);
	TAILQ_FOREACH(t, &s->h[s->cur.asked].tasks, in_session)
		if (!t->report && !t->shadow)
			break;
	if (t != NULL)
		pool_abandon(c->engine, t, late);
}

/* QUIT_NC: another client follows on this connection. */
static void
next_session(struct conn *c)
{
	end_session(c, "next");
	new_session(c);
}

/*
 * A connect in an open session: another client follows without QUIT_NC. The
 * macros of that connect have come already and stand in the old session, so
 * they are moved.
 */
static void
session_without_end(struct conn *c)
{
	struct macros	 early;

	macros_init(&early);
	macros_move_connect(&early, &c->session->macros);
	next_session(c);
	macros_move_connect(&c->session->macros, &early);
}

/* Returns 0 if the connection was closed, or is to be closed. */
static int
run_event(struct conn *c, const struct milter_cmd *cmd)
{
	int		 was_shed = session_is_shed(c->session);
	enum step	 step;

	c->session->memory_short = memory_is_short() != 0;
	step = session_command(c->session, cmd, &c->out);
	if (session_is_shed(c->session) && !was_shed)
		pool_shed(c->engine, c->session);
	return take_step(c, step);
}

static int
run_command(struct conn *c, const struct milter_cmd *cmd)
{
	if (cmd->code == SMFIC_CONNECT && c->session != NULL && c->session->begun)
		session_without_end(c);
	/*
	 * A command that is not allowed at this point belongs to no session and
	 * is not recorded.
	 */
	if (c->record != NULL && (cmd->code == SMFIC_OPTNEG) != c->negotiated)
		record_command(c->record, cmd, &c->out);
	switch (cmd->code) {
	case SMFIC_OPTNEG:
		return on_optneg(c, cmd);
	case SMFIC_QUIT:
		/* Answers to earlier commands may still have to be written. */
		c->ending = "quit";
		return 1;
	case SMFIC_ABORT:
		/* Postfix sends an abort now and then where nothing can be aborted. */
		if (!c->negotiated)
			return 1;
		break;
	}
	if (!c->negotiated) {
		numbers_add(&c->listener->numbers->protocol_errors, 1);
		log_limited(c->listener->conf->spec, "protocol errors at", LOG_WARNING, NULL,
		    "%s: command '%c' before option negotiation", c->peer, cmd->code);
		return 0;
	}
	if (cmd->code == SMFIC_QUIT_NC) {
		next_session(c);
		return 1;
	}
	return run_event(c, cmd);
}

/* 1 while no more commands are to be read. */
static int
is_paused(const struct conn *c)
{
	return c->waiting || c->dead || c->ending != NULL || c->out.len > OUT_HIGH ||
	    (c->session != NULL && !c->engine->ending && session_is_full(c->session));
}

/*
 * The time for a packet counts from its first byte, however slowly the packet
 * comes. The time for silence is not set again with each command; on_idle()
 * does that once in two hours.
 */
static void
want_read(struct conn *c)
{
	int	 in_packet = c->in_len > 0;

	c->heard = 1;
	c->heard_at = engine_now(c->engine);
	if (!c->reading)
		event_add(&c->ev_read, NULL);
	c->reading = 1;
	if (in_packet == c->in_packet && c->idle_due != 0)
		return;
	c->in_packet = in_packet != 0;
	c->idle_due = engine_now(c->engine) +
	    (uint64_t)(in_packet ? STALL_TIMEOUT : IDLE_TIMEOUT) * 1000;
	set_conn_timer(c);
}

/*
 * An MTA rarely sends anything while we are paused. So its event stays
 * registered until that happens, and most pauses cost no system call.
 */
static void
stop_reading(struct conn *c)
{
	if (c->reading)
		event_del(&c->ev_read);
	c->reading = 0;
}

/* 1 unless there is no memory for bytes that a peer sends and that no answer can refuse. */
static int
has_room_for(struct conn *c, size_t len)
{
	if (len <= SURE_BYTES || memory_has_room(len))
		return 1;
	log_peer(c, "not enough memory for what it sends");
	c->ending = "closed";
	return 0;
}

/* What belongs to no message stays as long as the session does. */
static int
has_room_for_packet(struct conn *c, const struct milter_packet *pkt)
{
	if (pkt->code != SMFIC_MACRO && pkt->code != SMFIC_CONNECT && pkt->code != SMFIC_HELO)
		return 1;
	return has_room_for(c, pkt->len);
}

/*
 * Decodes whole packets and runs their commands. Returns how many bytes of p that
 * took: all of them after a mistake of the peer, since the connection ends.
 */
static size_t
decode_packets(struct conn *c, const unsigned char *p, size_t len)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	enum milter_frame	 frame;
	const char		*why = "a packet of length 0 or above 65536";
	size_t			 used, done = 0;

	c->busy = 1;
	borrow_out(c);
	while (!is_paused(c)) {
		frame = milter_frame(p + done, len - done, &pkt, &used);
		if (frame == MILTER_FRAME_MORE)
			break;
		if (frame == MILTER_FRAME_BAD || milter_dec_cmd(&pkt, &cmd, &why) == -1) {
			numbers_add(&c->listener->numbers->protocol_errors, 1);
			log_peer(c, why);
			c->ending = "closed";
			done = len;
			break;
		}
		done += used;
		if (c->in_packet)
			c->idle_due = c->in_packet = 0;
		if (!has_room_for_packet(c, &pkt) || !run_command(c, &cmd))
			c->ending = "closed";
	}
	c->busy = 0;
	return done;
}

/* Keeps bytes for later; p may point into those that are kept already. */
static void
keep_rest(struct conn *c, const unsigned char *p, size_t len)
{
	unsigned char	*kept = NULL;

	if (len > 0 && has_room_for(c, len)) {
		kept = xmalloc(len);
		memcpy(kept, p, len);
	} else
		len = 0;
	free(c->in);
	c->in = kept;
	c->in_len = len;
}

/*
 * After the commands: reads more, or pauses. In a pause, what the peer sends
 * stays in the socket.
 */
static void
read_or_pause(struct conn *c)
{
	if (c->dead)
		return;
	if (!is_paused(c) && c->engine->ending) {
		/* Every command that was read has its answer in out by now. */
		c->ending = "closed";
		flush_answers(c);
	} else if (!is_paused(c))
		want_read(c);
	else if (c->in_packet) {
		/* The pause must not count as time that the rest of a packet takes. */
		c->in_packet = 0;
		c->idle_due = 0;
	}
}

/*
 * Goes on with the commands that were kept during a pause. Writing the answers
 * may end a pause, and no event comes for commands that are here already: so
 * after each flush the loop looks at them, and nothing is flushed after it. A
 * result may come while commands are being decoded: then the loop in
 * decode_packets() goes on.
 */
static void
go_on(struct conn *c)
{
	size_t	 done;

	if (c->busy)
		return;
	do {
		flush_answers(c);
		done = c->in_len > 0 ? decode_packets(c, c->in, c->in_len) : 0;
		if (done > 0)
			keep_rest(c, c->in + done, c->in_len - done);
	} while (done > 0);
	read_or_pause(c);
}

/* The peer sends no more. It may still read. */
static void
on_end_of_file(struct conn *c)
{
	stop_reading(c);
	c->ending = "closed";
	flush_answers(c);
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
	/* Less than one packet is left over, so there is room. */
	if (c->in_len > 0)
		memcpy(bytes, c->in, c->in_len);
	n = read(fd, bytes + c->in_len, sizeof(bytes) - c->in_len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		close_conn(c, "closed");
		return;
	}
	if (n == 0) {
		on_end_of_file(c);
		return;
	}
	memory_took((size_t)n);
	len = c->in_len + (size_t)n;
	done = decode_packets(c, bytes, len);
	keep_rest(c, bytes + done, len - done);
	go_on(c);
}

static void
on_answered(struct session *s, struct task_result *r)
{
	struct conn	*c = s->owner;

	borrow_out(c);
	if (!take_step(c, session_answer(s, r, &c->out)))
		c->ending = "closed";
	go_on(c);
}

static void
on_moved(struct engine *e, struct session *s)
{
	struct conn	*c = s->owner;

	if (c == NULL)
		release_session(e, s);
	else if (!is_paused(c))
		go_on(c);
}

const struct owner_hooks conn_hooks = { on_answered, on_moved };

/* reason: for the transcript, see record_end(). The connection is freed later. */
static void
close_conn(struct conn *c, const char *reason)
{
	if (c->dead)
		return;
	c->dead = 1;
	abandon_ask(c, 0);
	stop_reading(c);
	stop_writing(c);
	ltimer_stop(&c->timer);
	close(c->fd);
	c->fd = -1;
	end_session(c, reason);
	TAILQ_REMOVE(&c->engine->conns, c, entry);
	TAILQ_INSERT_TAIL(&c->engine->dead_conns, c, entry);
	c->engine->nconns--;
	listener_conn_closed(c->listener);
}

/* The supervisor is gone, and so no handler can answer. */
static void
orphan(struct conn *c)
{
	if (c->waiting) {
		abandon_ask(c, 0);
		session_give_up(c->session, &c->out);
	}
	flush_answers(c);
	close_conn(c, "closed");
}

void
conn_orphan_all(struct engine *e)
{
	struct conn	*c, *next;

	TAILQ_FOREACH_SAFE(c, &e->conns, entry, next)
		orphan(c);
}

static void
look_last(struct conn *c)
{
	c->last_look = 1;
	stop_reading(c);
	if (c->waiting)
		on_ask_due(c);
	else
		go_on(c);
}

/*
 * Answers the event that the MTA waits for as if its time were over, and all that
 * the MTA has sent after it; then the connection ends.
 */
void
conn_answer_all(struct engine *e)
{
	struct conn	*c;

	e->ending = 1;
	/* One end may end other connections: search from the beginning. */
	do {
		TAILQ_FOREACH(c, &e->conns, entry)
			if (!c->last_look)
				break;
		if (c != NULL)
			look_last(c);
	} while (c != NULL);
}

/* Closes the oldest connection whose peer has not negotiated and had time for it. */
enum room
conn_make_room(struct listener *l)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &l->engine->conns, entry)
		if (c->listener == l && !c->negotiated)
			break;
	if (c == NULL)
		return ROOM_NONE;
	if (c->ask_due > engine_now(l->engine) + (NEGOTIATE_TIMEOUT - SILENT_TIMEOUT) * 1000)
		return ROOM_LATER;
	log_peer(c, "it was silent, and makes room for another peer");
	close_conn(c, "closed");
	return ROOM_MADE;
}

/* The connection that waits for nothing of ours, and has been silent longest with much memory. */
static struct conn *
silent_holder(struct engine *e)
{
	const uint64_t	 now = engine_now(e);
	struct conn	*c, *found = NULL;

	TAILQ_FOREACH(c, &e->conns, entry)
		if (c->session != NULL && !is_paused(c) && c->heard_at + HOLDER_SILENT <= now &&
		    (found == NULL || c->heard_at < found->heard_at) &&
		    (session_message_bytes(c->session) >= HOLDER_BYTES ||
		    macros_bytes(&c->session->macros) >= HOLDER_BYTES))
			found = c;
	return found;
}

/* Returns 1 if that has freed memory, 0 if it is freed at the end of the turn. */
static int
make_way(struct conn *c)
{
	if (session_message_bytes(c->session) < HOLDER_BYTES) {
		log_peer(c, "it is silent, and there is not enough memory for its macros");
		close_conn(c, "closed");
		return 0;
	}
	session_shed(c->session);
	pool_shed(c->engine, c->session);
	memory_freed();
	return 1;
}

/*
 * A message that its peer does not go on with is refused before those of peers that do. No
 * MTA has so many macros: who holds them is closed.
 */
static void
free_silent(struct engine *e)
{
	struct conn	*c;

	if (!memory_is_short() || engine_now(e) < e->silent_at)
		return;
	e->silent_at = engine_now(e) + HOLDER_EVERY;
	do
		c = silent_holder(e);
	while (c != NULL && make_way(c) && memory_is_short());
}

static void
on_idle(struct conn *c)
{
	if (!c->in_packet && (c->heard || is_paused(c))) {
		c->heard = 0;
		c->idle_due = engine_now(c->engine) + IDLE_TIMEOUT * 1000;
		return;
	}
	log_peer(c, c->in_packet ? "a packet does not end" : "nothing came for two hours");
	close_conn(c, "closed");
}

/*
 * All handlers together have taken too long for the current event; or the peer
 * has, for the negotiation.
 */
static void
on_ask_due(struct conn *c)
{
	if (!c->negotiated) {
		log_peer(c, "no options were negotiated in 30 seconds");
		close_conn(c, "closed");
		return;
	}
	/* The next command has to wait until this event is answered. */
	c->busy = 1;
	abandon_ask(c, 1);
	if (!take_step(c, session_timeout(c->session, &c->out)))
		c->ending = "closed";
	c->busy = 0;
	go_on(c);
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
on_conn_timer(void *arg)
{
	struct conn	*c = arg;
	uint64_t	 now = engine_now(c->engine);

	if (is_due(&c->write_due, now)) {
		log_peer(c, "it does not read our answers");
		close_conn(c, "closed");
	} else if (is_due(&c->idle_due, now))
		on_idle(c);
	else if (is_due(&c->ask_due, now))
		on_ask_due(c);
	else if (is_due(&c->progress_due, now)) {
		c->progress_due = now + PROGRESS_EVERY * 1000;
		milter_enc_simple(&c->out, SMFIR_PROGRESS);
		flush_answers(c);
	}
	if (!c->dead)
		set_conn_timer(c);
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
	/* A peer on a unix socket has no name: the listener's is used. */
	c->peer = xstrdup(peer->ss.ss_family == AF_UNIX ? l->conf->spec :
	    netaddr_print(peer, &text));
	c->missing = xcalloc(l->conf->nhandlers, sizeof(*c->missing));
	buf_init(&c->out, OUT_MAX);
	if (c->engine->record_fd != -1)
		c->record = record_new(c->engine->record_fd);
	/* Otherwise an answer of several small packets would wait for an ACK. */
	if (peer->ss.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event_assign(&c->ev_read, base, fd, EV_READ | EV_PERSIST, on_read, c);
	ltimer_init(&c->timer, base, on_conn_timer, c);
	TAILQ_INSERT_TAIL(&c->engine->conns, c, entry);
	c->engine->nconns++;
	c->ask_due = engine_now(c->engine) + NEGOTIATE_TIMEOUT * 1000;
	want_read(c);
	log_msg(LOG_DEBUG, NULL, "connection from %s, accepted at %s", c->peer, l->conf->spec);
}

static void
free_conn(struct conn *c)
{
	free(c->in);
	free(c->peer);
	free(c->missing);
	buf_free(&c->out);
	record_free(c->record);
	free(c);
}

void
conn_sweep(struct engine *e)
{
	struct conn	*c;
	struct session	*s;

	free_silent(e);
	while ((c = TAILQ_FIRST(&e->dead_conns)) != NULL) {
		TAILQ_REMOVE(&e->dead_conns, c, entry);
		free_conn(c);
	}
	while ((s = TAILQ_FIRST(&e->dead_sessions)) != NULL) {
		TAILQ_REMOVE(&e->dead_sessions, s, dead);
		watch_session_gone(s);
		session_free(s);
	}
}
