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
#include "supervisor/awake.h"
#include "supervisor/child.h"
#include "supervisor/status.h"

/* No pause between starts is longer (engine/pool.c). */
#define BACKOFF_MAX_MS	30000

static void
sum_numbers(const struct engine_set *es, struct numbers_engine *sum)
{
	const struct generation	*g;
	struct numbers_engine	 part;

	TAILQ_FOREACH(g, &es->generations, entry) {
		board_sum(g->board, &part);
		numbers_fold((void *)sum, (const void *)&part, NUMBERS_OF(part));
	}
	ledger_sum(es->ledger, sum);
}

static uint64_t
kept(const struct engine_set *es)
{
	const struct generation	*g;
	uint64_t		 n = 0;

	TAILQ_FOREACH(g, &es->generations, entry)
		n += board_kept(g->board);
	return n;
}

static void
tell_daemon(struct control_client *c, const struct engine_set *es, const struct status *st)
{
	const struct conf	*conf = es->current->conf;
	struct control_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_DAEMON;
	msg.text[0] = PACKAGE_VERSION;
	msg.text[1] = st->state;
	msg.text[2] = conf->path;
	msg.text[3] = st->reload->error;
	msg.u.daemon.pid = (uint64_t)getpid();
	msg.u.daemon.started = (uint64_t)st->started;
	msg.u.daemon.read = (uint64_t)st->reload->read;
	msg.u.daemon.reloads = st->reload->done;
	msg.u.daemon.failed_reloads = st->reload->failed;
	msg.u.daemon.kept = kept(es);
	msg.u.daemon.kept_limit = conf->spool_limit;
	msg.u.daemon.engine_failures = st->engine_failures;
	sum_numbers(es, &msg.u.daemon.numbers);
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
	switch (e->generation->state) {
	case GENERATION_NEW:
		return "starting";
	case GENERATION_SERVES:
		return strcmp(st->state, "running") == 0 ? "running" : "draining";
	default:
		return "draining";
	}
}

/* ms until the engine is told to end at the latest; 0: there is no such time. */
static uint64_t
left(const struct engine_proc *e, const struct status *st, uint64_t now)
{
	uint64_t	 end_at = e->generation->end_at;

	if (st->end_at != 0 && st->end_at < end_at)
		end_at = st->end_at;
	return end_at != MONO_NEVER && end_at > now ? end_at - now : 0;
}

static void
tell_engine(struct control_client *c, const struct status *st, const struct engine_proc *e)
{
	const struct board	*board = e->generation->board;
	uint64_t		 now = mono_ms();
	struct control_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_ENGINE;
	msg.text[0] = state_of(e, st);
	msg.u.engine.number = e->number + 1;
	msg.u.engine.pid = (uint64_t)e->pid;
	msg.u.engine.started = (uint64_t)time(NULL) - (now - e->started) / 1000;
	msg.u.engine.last_turn = e->still * (uint64_t)1000;
	msg.u.engine.connections = board_connections_of(board, e->index);
	msg.u.engine.sessions = board_sessions_of(board, e->index);
	msg.u.engine.left = left(e, st, awake_ms());
	control_say(c, &msg);
}

static void
tell_engines(struct control_client *c, const struct engine_set *es, const struct status *st)
{
	const struct generation	*g;
	unsigned int		 i;

	TAILQ_FOREACH(g, &es->generations, entry)
		for (i = 0; i < g->n; i++)
			if (g->engines[i].pid > 0)
				tell_engine(c, st, &g->engines[i]);
}

/* Adds what the engines of one generation have at that address. */
static void
add_listener(const struct generation *g, const struct netaddr *na, struct control_listener *l)
{
	struct numbers_listener	 part;
	unsigned int		 i;

	for (i = 0; i < g->conf->nlistens; i++) {
		if (!netaddr_equal(&g->conf->listens[i].addr, na))
			continue;
		l->connections += board_connections_here(g->board, i);
		board_sum_listener(g->board, i, &part);
		numbers_fold((void *)&l->numbers, (const void *)&part, NUMBERS_OF(part));
	}
}

static void
tell_listener(struct control_client *c, const struct engine_set *es, unsigned int i)
{
	const struct listen_conf *l = &es->current->conf->listens[i];
	const struct generation	*g;
	struct control_msg	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_LISTENER;
	msg.text[0] = l->spec;
	msg.u.listener.limit = es->current->conf->connections;
	TAILQ_FOREACH(g, &es->generations, entry)
		add_listener(g, &l->addr, &msg.u.listener);
	ledger_sum_listener(es->ledger, &l->addr, &msg.u.listener.numbers);
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

/* Adds what the engines of one generation have, and have counted, of a handler. */
static void
add_handler(const struct generation *g, uint32_t number, struct control_handler *h)
{
	struct numbers_handler	 part;
	struct numbers_load	 load;
	int			 i = generation_handler(g, number);

	if (i == -1)
		return;
	board_sum_handler(g->board, (unsigned int)i, &part);
	numbers_fold((void *)&h->numbers, (const void *)&part, NUMBERS_OF(part));
	board_sum_load(g->board, (unsigned int)i, &load);
	/* Processes of an old configuration say nothing of when the next may be started. */
	if (g->state != GENERATION_SERVES)
		load.backoff_until = 0;
	numbers_fold((void *)&h->load, (const void *)&load, NUMBERS_OF(load));
}

static void
tell_handler(struct control_client *c, const struct engine_set *es, unsigned int i)
{
	const struct handler_conf	*h = &es->current->conf->handlers[i];
	uint32_t			 number = es->current->handlers[i];
	const struct generation		*g;
	struct control_msg		 msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_HANDLER;
	msg.text[0] = h->name;
	msg.u.handler.shadow = h->shadow != 0;
	msg.u.handler.limit = h->processes;
	msg.u.handler.events = (h->events | h->optional_events) & EV_ANSWERABLE;
	msg.u.handler.life = *ledger_life(es->ledger, number);
	TAILQ_FOREACH(g, &es->generations, entry)
		add_handler(g, number, &msg.u.handler);
	msg.u.handler.backoff = pause_left(msg.u.handler.load.backoff_until);
	ledger_sum_handler(es->ledger, number, &msg.u.handler.numbers);
	control_say(c, &msg);
}

void
status_tell(struct control_client *c, const struct engine_set *es, const struct status *st)
{
	const struct conf	*conf = es->current->conf;
	unsigned int		 i;

	tell_daemon(c, es, st);
	tell_engines(c, es, st);
	for (i = 0; i < conf->nlistens; i++)
		tell_listener(c, es, i);
	for (i = 0; i < conf->nhandlers; i++)
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

/* What the engine of a process shows of it. Returns 0 if that is nothing. */
static int
read_slot(const struct engine_set *es, const struct child *c, struct slots_process *p)
{
	const struct engine_proc	*e = engine_set_by_number(es, c->engine);

	return e != NULL && slots_read(board_slots(e->generation->board, e->index), c->id, p);
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
	msg.text[0] = ledger_name(l->engines->ledger, c->handler);
	msg.text[1] = c->orphan ? "ending" : "starting";
	msg.u.process.pid = (uint64_t)c->pid;
	msg.u.process.engine = c->engine + 1;
	msg.u.process.event = EV_COUNT;
	if (c->orphan)
		msg.u.process.age = age(awake_ms(), c->orphan_since);
	else if (read_slot(l->engines, c, &p)) {
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
	uint32_t	 number;

	for (number = 0; number < ledger_size(es->ledger); number++)
		child_each(number, tell_process, &l);
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
	for (i = 0; i < es->current->n; i++) {
		if ((what = complaint(&es->current->engines[i])) == NULL)
			continue;
		(void)snprintf(text, sizeof(text), "%s %s", es->current->engines[i].name, what);
		control_say_text(c, CONTROL_ERROR, text);
		wrong++;
	}
	if (wrong == 0)
		control_say_text(c, CONTROL_TEXT, "ok");
	control_finish(c, wrong == 0 ? CONTROL_OK : CONTROL_FAILED);
}
