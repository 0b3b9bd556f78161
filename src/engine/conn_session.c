/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/conn_session.c: the sessions of a connection, one after the other: their
 * commands, and what they wait for.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <syslog.h>

#include "engine/conn_int.h"
#include "base/log.h"
#include "milter/encode.h"
#include "engine/pool.h"

static void
new_session(struct conn *c)
{
	c->session = session_new(c->engine->conf, c->listener->conf, &c->neg, c->missing);
	c->session->owner = c;
	if (c->record != NULL)
		record_begin(c->record, c->session->id);
	c->engine->nsessions++;
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

void
conn_end_session(struct conn *c, const char *reason)
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

	/* Before a handler is asked: that it can't be may be known at once. */
	if (!c->waiting) {
		now = engine_now(c->engine);
		c->waiting = 1;
		c->ask_due = now + (at_end ? conf->message_timeout : conf->event_timeout);
		c->progress_due = at_end ? now + CONN_PROGRESS_EVERY * 1000 : 0;
		conn_set_timer(c);
	}
	pool_run_lines(c->engine, c->session);
}

int
conn_act(struct conn *c, enum step step)
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

void
conn_abandon_ask(struct conn *c, int late)
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

/* Another client follows on this connection. */
static void
next_session(struct conn *c)
{
	conn_end_session(c, "next");
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

int
conn_command(struct conn *c, const struct milter_cmd *cmd)
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
	return conn_act(c, session_command(c->session, cmd, &c->out));
}

void
conn_answered(struct conn *c, struct task_result *r)
{
	conn_take_out(c);
	if (!conn_act(c, session_answer(c->session, r, &c->out)))
		c->closing = 1;
	conn_go_on(c);
}
