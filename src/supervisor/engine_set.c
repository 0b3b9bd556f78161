/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_set.c: waits for all engines, serves them, restarts them.
 */
#include "base/compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "startup/tmpdir.h"
#include "supervisor/awake.h"
#include "supervisor/become.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/engine_set.h"
#include "supervisor/watchers.h"

#define READY_MS	30000	/* ms: an engine that does not serve by then is stuck */
#define HANGUP_MS	5000	/* ms from the end of an engine's channel to its exit */
#define RETRY_MS	10	/* ms until messages that found no room are tried again */
#define LOOK_MS		1000	/* ms from one look at the turns of all engines to the next */
#define LOOKS_KILL	30	/* looks in a row that see no turn of an engine, until it is killed */
#define STRING(n)	STRING_OF(n)
#define STRING_OF(n)	#n
#define BURST		32	/* requests of one engine before the next has its turn */

/* looks_changed() */
static void
files_changed(void *arg, uint32_t handler)
{
	requests_files_changed(arg, handler);
}

static void
insert(struct engine_set *es, struct generation *g)
{
	unsigned int	 i;

	TAILQ_INSERT_TAIL(&es->generations, g, entry);
	for (i = 0; i < g->n; i++)
		requests_add_engine(es->requests, &g->engines[i]);
}

void
engine_set_init(struct engine_set *es, const struct supervisor_opts *opts, const sigset_t *mask)
{
	memset(es, 0, sizeof(*es));
	es->opts = opts;
	es->mask = mask;
	TAILQ_INIT(&es->generations);
	es->ledger = ledger_new();
	es->requests = requests_new(es->ledger);
	es->current = generation_new(&es->generations, es->ledger, opts->conf, opts->runtime,
	    opts->listen_fds, files_changed);
	insert(es, es->current);
}

void
engine_set_free(struct engine_set *es)
{
	struct generation	*g;

	while ((g = TAILQ_FIRST(&es->generations)) != NULL) {
		TAILQ_REMOVE(&es->generations, g, entry);
		generation_free(g, es->ledger);
	}
	requests_free(es->requests);
	ledger_free(es->ledger);
	free(es->pfds);
}

static int
start_one(struct engine_set *es, struct engine_proc *e)
{
	if (engine_proc_start(e, become_engine, es) == -1) {
		engine_proc_gone(e);
		return -1;
	}
	e->kill_at = awake_ms() + READY_MS;
	return 0;
}

static int
start_all(struct engine_set *es, struct generation *g)
{
	unsigned int	 i;

	for (i = 0; i < g->n; i++)
		if (start_one(es, &g->engines[i]) == -1)
			return -1;
	return 0;
}

int
engine_set_start(struct engine_set *es)
{
	return start_all(es, es->current);
}

int
engine_set_add(struct engine_set *es, struct conf *conf, struct runtime *runtime, int *listen_fds,
    struct generation **g)
{
	*g = generation_new(&es->generations, es->ledger, conf, runtime, listen_fds,
	    files_changed);
	insert(es, *g);
	return start_all(es, *g);
}

void
engine_set_serve_with(struct engine_set *es, struct generation *g)
{
	es->current = g;
	g->state = GENERATION_SERVES;
	ledger_set_limits(es->ledger, g->conf, g->handlers);
	board_share(g->conf->spool_limit);
	generation_tell(g, IPC_SERVE);
	requests_limits_changed(es->requests);
}

struct tenant *
engine_set_tenants(const struct engine_set *es, const struct generation *except, size_t *n)
{
	struct tenant		*tenants = xcalloc(GENERATIONS_MAX, sizeof(*tenants));
	const struct generation	*g;

	*n = 0;
	TAILQ_FOREACH(g, &es->generations, entry)
		if (g != except) {
			tenants[*n].conf = g->conf;
			tenants[(*n)++].runtime = g->runtime;
		}
	return tenants;
}

void
engine_set_drop(struct engine_set *es, struct generation *g)
{
	struct tenant	*tenants;
	unsigned int	 i;
	size_t		 n;

	for (i = 0; i < g->n; i++)
		requests_remove_engine(es->requests, &g->engines[i]);
	tenants = engine_set_tenants(es, g, &n);
	tmpdir_release(g->runtime, tenants, n);
	free(tenants);
	TAILQ_REMOVE(&es->generations, g, entry);
	generation_free(g, es->ledger);
}

unsigned int
engine_set_count(const struct engine_set *es, enum generation_state state)
{
	const struct generation	*g;
	unsigned int		 n = 0;

	TAILQ_FOREACH(g, &es->generations, entry)
		n += g->state == state;
	return n;
}

void
engine_set_reaped(struct engine_set *es, pid_t pid)
{
	struct generation	*g;

	TAILQ_FOREACH(g, &es->generations, entry)
		looks_reaped(g->looks, pid);
}

struct engine_proc *
engine_set_by_pid(struct engine_set *es, pid_t pid)
{
	struct generation	*g;
	unsigned int		 i;

	TAILQ_FOREACH(g, &es->generations, entry)
		for (i = 0; i < g->n; i++)
			if (g->engines[i].pid == pid)
				return &g->engines[i];
	return NULL;
}

const struct engine_proc *
engine_set_by_number(const struct engine_set *es, unsigned int number)
{
	const struct generation	*g;
	unsigned int		 i;

	TAILQ_FOREACH(g, &es->generations, entry)
		for (i = 0; i < g->n; i++)
			if (g->engines[i].number == number)
				return &g->engines[i];
	return NULL;
}

unsigned int
engine_set_alive(const struct engine_set *es)
{
	const struct generation	*g;
	unsigned int		 alive = 0;

	TAILQ_FOREACH(g, &es->generations, entry)
		alive += generation_alive(g);
	return alive;
}

void
engine_set_tell(struct engine_set *es, enum ipc_type type)
{
	struct generation	*g;

	TAILQ_FOREACH(g, &es->generations, entry)
		generation_tell(g, type);
}

void
engine_set_tell_ready(struct engine_set *es, const struct ipc_msg *msg, int fd)
{
	struct generation	*g;
	unsigned int		 i;

	TAILQ_FOREACH(g, &es->generations, entry)
		for (i = 0; i < g->n; i++)
			if (g->engines[i].ready)
				engine_proc_send_copy(&g->engines[i], msg, fd);
}

void
engine_set_kill(struct engine_set *es)
{
	struct generation	*g;

	TAILQ_FOREACH(g, &es->generations, entry)
		generation_kill(g);
}

void
engine_set_ended(struct engine_set *es, struct engine_proc *e)
{
	watchers_engine_gone(e);
	engine_proc_gone(e);
	board_forget(e->generation->board, e->index);
	child_end_engine(e->number, awake_ms(), CHILD_GRACE_MS);
	requests_engine_gone(es->requests, e->number);
}

/*
 * Looks are counted, not time: a look counts although the supervisor, or the whole
 * machine, stood still before it, but then it is one look. An engine that is not
 * ready yet has kill_at instead.
 */
static void
look(struct engine_proc *e, uint64_t turns)
{
	int	 is_still = e->pid > 0 && e->ready && turns == e->turns;

	e->turns = turns;
	e->still = is_still ? e->still + 1 : 0;
	if (e->still == ENGINE_STILL)
		log_msg(LOG_WARNING, NULL, "%s (pid %d) has done nothing for %d s", e->name,
		    (int)e->pid, ENGINE_STILL);
	if (e->still != LOOKS_KILL)
		return;
	log_msg(LOG_ERR, NULL, "%s (pid %d) has done nothing for %d s, and is killed", e->name,
	    (int)e->pid, LOOKS_KILL);
	engine_proc_kill(e);
}

/* Returns when to look again. */
static uint64_t
look_at_all(struct engine_set *es, uint64_t now)
{
	struct generation	*g;
	unsigned int		 i;

	if (now < es->look_at)
		return es->look_at;
	TAILQ_FOREACH(g, &es->generations, entry)
		for (i = 0; i < g->n; i++)
			look(&g->engines[i], board_turns(g->board, i));
	board_share(es->current->conf->spool_limit);
	return es->look_at = now + LOOK_MS;
}

/* Returns when this engine needs something again, in ms, or MONO_NEVER. */
static uint64_t
run_timers_of(struct engine_set *es, struct engine_proc *e, uint64_t now, int may_restart)
{
	uint64_t	 next;

	engine_proc_flush(e);
	if (e->pid > 0 && now >= e->kill_at) {
		log_msg(LOG_ERR, NULL, "the %s is stuck", e->name);
		engine_proc_kill(e);
		e->kill_at = MONO_NEVER;
	}
	if (e->pid <= 0 && may_restart && now >= e->restart_at)
		(void)start_one(es, e);
	if (e->pid > 0)
		next = e->kill_at;
	else
		next = may_restart ? e->restart_at : MONO_NEVER;
	/* POLLOUT would not help: too many descriptors may be on their way. */
	if (e->nqueued > 0 && now + RETRY_MS < next)
		next = now + RETRY_MS;
	return next;
}

/* The time of an old generation may be over. Returns when it is, in ms. */
static uint64_t
age(struct generation *g, uint64_t now)
{
	if (now < g->end_at)
		return g->end_at;
	if (g->state == GENERATION_OLD) {
		log_msg(LOG_WARNING, NULL, "reload-timeout is over: sessions with an old configuration end");
		g->state = GENERATION_ANSWERS;
		g->end_at = now + ENGINE_ANSWER_MS;
		generation_tell(g, IPC_ANSWER);
		return g->end_at;
	}
	generation_kill(g);
	return g->end_at = MONO_NEVER;
}

static uint64_t
run_timers_of_all(struct engine_set *es, struct generation *g, uint64_t now, int may_restart)
{
	uint64_t	 next = looks_run_timers(g->looks, now), t;
	unsigned int	 i;

	if ((t = age(g, now)) < next)
		next = t;
	for (i = 0; i < g->n; i++) {
		t = run_timers_of(es, &g->engines[i], now, may_restart && g == es->current);
		if (t < next)
			next = t;
	}
	return next;
}

uint64_t
engine_set_run_timers(struct engine_set *es, uint64_t now, int may_restart)
{
	struct generation	*g;
	uint64_t		 next, t;

	next = requests_run_timers(es->requests, now);
	if ((t = look_at_all(es, now)) < next)
		next = t;
	if ((t = control_run_timers(now)) < next)
		next = t;
	TAILQ_FOREACH(g, &es->generations, entry)
		if ((t = run_timers_of_all(es, g, now, may_restart)) < next)
			next = t;
	return next;
}

/* Returns 0, or -1 if it has said so before. */
static int
now_ready(struct engine_proc *e)
{
	const struct ipc_msg	 serve = { .type = IPC_SERVE };

	if (e->ready)
		return -1;
	e->ready = 1;
	e->kill_at = MONO_NEVER;
	watchers_tell_new(e);
	if (e->starts > 1)
		log_info("%s started again as pid %d", e->name, (int)e->pid);
	/* Those that are new wait until all of them are ready. */
	if (e->generation->state == GENERATION_SERVES)
		engine_proc_send(e, &serve, NULL, 0);
	return 0;
}

/* Returns 0, or -1 if nobody has asked it to, or it has said so before. */
static int
now_retired(struct engine_proc *e)
{
	if (e->retired || (e->generation->state != GENERATION_OLD &&
	    e->generation->state != GENERATION_ANSWERS))
		return -1;
	e->retired = 1;
	return 0;
}

/* The channel is of no use any more. why: what is wrong with its messages; NULL: it was closed. */
static void
channel_lost(struct engine_proc *e, const char *why)
{
	if (why != NULL) {
		log_msg(LOG_ERR, NULL, "%s: %s", e->name, why);
		engine_proc_kill(e);
	}
	engine_proc_hang_up(e);
	e->kill_at = awake_ms() + HANGUP_MS;
}

/* Returns 0, or -1 if it is not what an engine may say. */
static int
serve_one(struct engine_set *es, struct engine_proc *e, const struct ipc_msg *msg, int may_spawn)
{
	if (msg->type == IPC_READY)
		return now_ready(e);
	if (msg->type == IPC_RETIRED)
		return now_retired(e);
	return requests_serve(es->requests, e, msg, may_spawn);
}

static void
serve_engine(struct engine_set *es, struct engine_proc *e, int may_spawn)
{
	static unsigned char	 bytes[IPC_MAX_MSG];
	struct ipc_msg		 msg;
	int			 n, ret;

	for (n = 0; n < BURST && e->nqueued == 0; n++) {
		if ((ret = ipc_recv_plain(e->fd, bytes, &msg)) == 0)
			return;
		/* What the end of the channel means is told by the exit. */
		if (ret == -1 && errno == EPIPE) {
			channel_lost(e, NULL);
			return;
		}
		if (ret == -1 || serve_one(es, e, &msg, may_spawn) == -1) {
			channel_lost(e, "message that makes no sense");
			return;
		}
		if (!engine_proc_may_ask(e, awake_ms())) {
			channel_lost(e, "more than " STRING(ENGINE_RATE) " requests a second");
			return;
		}
	}
}

/*
 * ppoll(2) lets signals in only if it waits. If engines always had something to
 * say no child would be reaped.
 */
static void
let_signals_in(const struct engine_set *es)
{
	sigset_t	 blocked;

	if (sigprocmask(SIG_SETMASK, es->mask, &blocked) == -1 ||
	    sigprocmask(SIG_SETMASK, &blocked, NULL) == -1)
		fatal("sigprocmask");
}

static void
make_room(struct engine_set *es)
{
	const struct generation	*g;
	size_t			 n = 0;

	TAILQ_FOREACH(g, &es->generations, entry)
		n += g->n + 1;
	es->npolled = requests_poll_count();
	es->ncontrol = control_poll_count();
	n += es->npolled + es->ncontrol;
	if (n <= es->max_pfds)
		return;
	es->max_pfds = n * 2;
	es->pfds = xreallocarray(es->pfds, es->max_pfds, sizeof(*es->pfds));
}

/* While messages wait nothing new is read: so they can't become many. */
static void
fill(struct engine_set *es)
{
	struct generation	*g;
	struct engine_proc	*e;
	unsigned int		 i;

	es->nengines = 0;
	TAILQ_FOREACH(g, &es->generations, entry) {
		for (i = 0; i < g->n; i++) {
			e = &g->engines[i];
			e->polled = (int)es->nengines;
			es->pfds[es->nengines].fd = e->nqueued == 0 ? e->fd : -1;
			es->pfds[es->nengines].events = POLLIN;
			es->pfds[es->nengines++].revents = 0;
		}
		looks_fill(g->looks, &es->pfds[es->nengines++]);
	}
	requests_fill(es->pfds + es->nengines);
	control_fill(es->pfds + es->nengines + es->npolled);
}

/* The place of a generation's looks is the one after those of its engines. */
static void
serve_looks(struct engine_set *es)
{
	struct generation	*g;
	size_t			 at = 0;

	TAILQ_FOREACH(g, &es->generations, entry) {
		at += g->n;
		if (es->pfds[at++].revents != 0)
			looks_serve(g->looks, awake_ms());
	}
}

void
engine_set_wait(struct engine_set *es, uint64_t until)
{
	struct timespec	 ts, *timeout = NULL;
	uint64_t	 now = awake_ms(), ms = MONO_NEVER / 2;

	if (until != MONO_NEVER) {
		ms = until > now ? until - now : 0;
		ts.tv_sec = (time_t)(ms / 1000);
		ts.tv_nsec = (long)(ms % 1000) * 1000000;
		timeout = &ts;
	}
	make_room(es);
	fill(es);
	if (ppoll(es->pfds, es->nengines + es->npolled + es->ncontrol, timeout, es->mask) == -1 &&
	    errno != EINTR)
		fatal("ppoll");
	awake_turn(ms);
	/* Before any child is reaped, whose start might be among these. */
	serve_looks(es);
	requests_serve_starts(es->requests, es->pfds + es->nengines, es->npolled);
	let_signals_in(es);
}

void
engine_set_serve(struct engine_set *es, int may_spawn)
{
	struct generation	*g;
	struct engine_proc	*e;
	unsigned int		 i;

	/* An engine that was reaped in the meantime has no channel any more. */
	TAILQ_FOREACH(g, &es->generations, entry)
		for (i = 0; i < g->n; i++) {
			e = &g->engines[i];
			if (e->polled != -1 && es->pfds[e->polled].revents != 0 && e->fd != -1)
				serve_engine(es, e, may_spawn);
		}
}

void
engine_set_serve_control(const struct engine_set *es)
{
	control_serve(es->pfds + es->nengines + es->npolled, es->ncontrol, awake_ms());
}
