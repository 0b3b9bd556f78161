/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/status.c: what pipemilterctl(8) is told of the daemon.
 */
#include "base/compat.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mono.h"
#include "base/syslog.h"
#include "supervisor/child.h"
#include "supervisor/status.h"

/* No pause between starts is longer (engine/pool.c). */
#define BACKOFF_MAX_MS	30000

static void
tell_daemon(struct control_client *c, const struct engine_set *es, const struct status *st)
{
	const struct conf	*conf = es->opts->conf;
	struct control_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_DAEMON;
	msg.text[0] = PACKAGE_VERSION;
	msg.text[1] = st->state;
	msg.text[2] = conf->path;
	msg.u.daemon.pid = (uint64_t)getpid();
	msg.u.daemon.started = msg.u.daemon.read = (uint64_t)st->started;
	msg.u.daemon.kept = board_kept(es->board);
	msg.u.daemon.kept_limit = conf->spool_limit;
	msg.u.daemon.engine_failures = st->engine_failures;
	board_sum(es->board, &msg.u.daemon.numbers);
	msg.u.daemon.numbers.log_lines_lost += syslog_lost();
	control_say(c, &msg);
}

static const char *
state_of(const struct engine_proc *e, const struct status *st)
{
	if (!e->ready)
		return "starting";
	if (engine_proc_is_still(e))
		return "stuck";
	return strcmp(st->state, "running") == 0 ? "running" : "draining";
}

static void
tell_engine(struct control_client *c, const struct engine_set *es, const struct status *st,
    const struct engine_proc *e)
{
	uint64_t		 now = mono_ms();
	struct control_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_ENGINE;
	msg.text[0] = state_of(e, st);
	msg.u.engine.number = e->index + 1;
	msg.u.engine.pid = (uint64_t)e->pid;
	msg.u.engine.started = (uint64_t)time(NULL) - (now - e->started) / 1000;
	msg.u.engine.last_turn = e->still * (uint64_t)1000;
	msg.u.engine.connections = board_connections_of(es->board, e->index);
	msg.u.engine.sessions = board_sessions_of(es->board, e->index);
	msg.u.engine.left = st->end_at > now ? st->end_at - now : 0;
	control_say(c, &msg);
}

static void
tell_listener(struct control_client *c, const struct engine_set *es, unsigned int i)
{
	struct control_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_LISTENER;
	msg.text[0] = es->opts->conf->listens[i].spec;
	msg.u.listener.connections = board_connections(es->board, i);
	msg.u.listener.limit = es->opts->conf->connections;
	board_sum_listener(es->board, i, &msg.u.listener.numbers);
	control_say(c, &msg);
}

/* How long a pause lasts, whatever the engine that makes it says. */
static uint64_t
pause_left(uint64_t until)
{
	uint64_t	 now = mono_ms();

	if (until <= now)
		return 0;
	return until - now < BACKOFF_MAX_MS ? until - now : BACKOFF_MAX_MS;
}

static void
tell_handler(struct control_client *c, const struct engine_set *es, unsigned int i)
{
	const struct handler_conf	*h = &es->opts->conf->handlers[i];
	struct control_msg		 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_HANDLER;
	msg.text[0] = h->name;
	msg.u.handler.shadow = h->shadow != 0;
	msg.u.handler.limit = h->processes;
	msg.u.handler.events = (h->events | h->optional_events) & EV_ANSWERABLE;
	msg.u.handler.life = *requests_life(es->requests, i);
	board_sum_load(es->board, i, &msg.u.handler.load);
	msg.u.handler.backoff = pause_left(msg.u.handler.load.backoff_until);
	board_sum_handler(es->board, i, &msg.u.handler.numbers);
	control_say(c, &msg);
}

void
status_tell(struct control_client *c, const struct engine_set *es, const struct status *st)
{
	unsigned int	 i;

	tell_daemon(c, es, st);
	for (i = 0; i < es->n; i++)
		if (es->engines[i].pid > 0)
			tell_engine(c, es, st, &es->engines[i]);
	for (i = 0; i < es->opts->conf->nlistens; i++)
		tell_listener(c, es, i);
	for (i = 0; i < es->opts->conf->nhandlers; i++)
		tell_handler(c, es, i);
	control_finish(c, CONTROL_OK);
}

/* What status_processes() hands to tell_process(). */
struct listing {
	struct control_client	*client;
	const struct engine_set	*engines;
	uint64_t		 now;
};

static uint64_t
age(uint64_t now, uint64_t since)
{
	return since < now ? now - since : 0;
}

/* Which processes there are we know ourselves; what they do only their engine does. */
static void
tell_process(const struct child *c, void *arg)
{
	static const char *const	 names[NUMBERS_PROCESSES] = { "starting", "idle", "busy",
	    "ending" };
	const struct listing		*l = arg;
	struct control_msg		 msg;
	struct slots_process		 p;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_PROCESS;
	msg.text[0] = l->engines->opts->conf->handlers[c->handler].name;
	msg.text[1] = c->orphan ? "ending" : "starting";
	msg.u.process.pid = (uint64_t)c->pid;
	msg.u.process.engine = c->engine + 1;
	msg.u.process.event = EV_COUNT;
	if (c->orphan)
		msg.u.process.age = age(l->now, c->orphan_since);
	else if (slots_read(board_slots(l->engines->board, c->engine), c->id, &p)) {
		msg.text[1] = p.state < NUMBERS_PROCESSES ? names[p.state] : "unknown";
		msg.text[2] = p.ids;
		msg.u.process.age = age(l->now, p.since);
		msg.u.process.uses = p.uses;
		msg.u.process.event = p.event < EV_COUNT ? p.event : EV_COUNT;
	}
	control_say(l->client, &msg);
}

void
status_processes(struct control_client *c, const struct engine_set *es)
{
	struct listing	 l = { c, es, mono_ms() };
	unsigned int	 i;

	for (i = 0; i < es->opts->conf->nhandlers; i++)
		child_each(i, tell_process, &l);
	control_finish(c, CONTROL_OK);
}

/* What is wrong with an engine; NULL: nothing. */
static const char *
complaint(const struct engine_proc *e)
{
	if (e->pid <= 0)
		return "does not run";
	if (!e->ready)
		return "starts";
	return engine_proc_is_still(e) ? "has had no turn for 15 s" : NULL;
}

void
status_ping(struct control_client *c, const struct engine_set *es, const struct status *st)
{
	char		 text[128];
	const char	*what;
	unsigned int	 i, wrong = 0;

	if (strcmp(st->state, "running") != 0) {
		(void)snprintf(text, sizeof(text), "the daemon is %s", st->state);
		control_say_text(c, CONTROL_ERROR, text);
		control_finish(c, CONTROL_FAILED);
		return;
	}
	for (i = 0; i < es->n; i++) {
		if ((what = complaint(&es->engines[i])) == NULL)
			continue;
		(void)snprintf(text, sizeof(text), "%s %s", es->engines[i].name, what);
		control_say_text(c, CONTROL_ERROR, text);
		wrong++;
	}
	if (wrong == 0)
		control_say_text(c, CONTROL_TEXT, "ok");
	control_finish(c, wrong == 0 ? CONTROL_OK : CONTROL_FAILED);
}
