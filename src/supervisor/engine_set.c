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

void
engine_set_init(struct engine_set *es, const struct supervisor_opts *opts, const sigset_t *mask)
{
	unsigned int	 i;

	memset(es, 0, sizeof(*es));
	es->opts = opts;
	es->n = opts->conf->engines;
	es->mask = mask;
	es->engines = xcalloc(es->n, sizeof(*es->engines));
	for (i = 0; i < es->n; i++)
		engine_proc_init(&es->engines[i], opts->conf, i);
	es->board = board_new(opts->conf);
	es->requests = requests_new(opts->conf, opts->runtime, es->engines);
}

void
engine_set_free(struct engine_set *es)
{
	requests_free(es->requests);
	board_free(es->board);
	free(es->pfds);
	free(es->engines);
}

static int
start_one(struct engine_set *es, struct engine_proc *e)
{
	if (engine_proc_start(es->engines, e->index, es->opts, es->board) == -1) {
		engine_proc_gone(e);
		return -1;
	}
	e->kill_at = mono_ms() + READY_MS;
	return 0;
}

int
engine_set_start(struct engine_set *es)
{
	unsigned int	 i;

	for (i = 0; i < es->n; i++)
		if (start_one(es, &es->engines[i]) == -1)
			return -1;
	return 0;
}

struct engine_proc *
engine_set_by_pid(struct engine_set *es, pid_t pid)
{
	unsigned int	 i;

	for (i = 0; i < es->n; i++)
		if (es->engines[i].pid == pid)
			return &es->engines[i];
	return NULL;
}

int
engine_set_all_ready(const struct engine_set *es)
{
	unsigned int	 i;

	for (i = 0; i < es->n; i++)
		if (!es->engines[i].ready)
			return 0;
	return 1;
}

unsigned int
engine_set_alive(const struct engine_set *es)
{
	unsigned int	 i, alive = 0;

	for (i = 0; i < es->n; i++)
		alive += es->engines[i].pid > 0;
	return alive;
}

void
engine_set_tell(struct engine_set *es, enum ipc_type type)
{
	struct ipc_msg	 msg;
	unsigned int	 i;

	memset(&msg, 0, sizeof(msg));
	msg.type = type;
	for (i = 0; i < es->n; i++)
		engine_proc_send(&es->engines[i], &msg, NULL, 0);
}

void
engine_set_tell_ready(struct engine_set *es, const struct ipc_msg *msg, int fd)
{
	unsigned int	 i;

	for (i = 0; i < es->n; i++)
		if (es->engines[i].ready)
			engine_proc_send_copy(&es->engines[i], msg, fd);
}

static void
kill_one(const struct engine_proc *e)
{
	if (e->pid > 0 && kill(e->pid, SIGKILL) == -1)
		log_warn("kill of the %s", e->name);
}

void
engine_set_kill(struct engine_set *es)
{
	unsigned int	 i;

	for (i = 0; i < es->n; i++)
		kill_one(&es->engines[i]);
}

void
engine_set_ended(struct engine_set *es, struct engine_proc *e)
{
	engine_proc_gone(e);
	board_forget(es->board, e->index);
	child_end_engine(e->index, mono_ms(), CHILD_GRACE_MS);
	requests_engine_gone(es->requests, e->index);
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
	kill_one(e);
}

/* Returns when to look again. */
static uint64_t
look_at_all(struct engine_set *es, uint64_t now)
{
	unsigned int	 i;

	if (now < es->look_at)
		return es->look_at;
	for (i = 0; i < es->n; i++)
		look(&es->engines[i], board_turns(es->board, i));
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
		kill_one(e);
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

uint64_t
engine_set_run_timers(struct engine_set *es, uint64_t now, int may_restart)
{
	uint64_t	 next, t;
	unsigned int	 i;

	next = requests_run_timers(es->requests, now);
	if ((t = look_at_all(es, now)) < next)
		next = t;
	if ((t = control_run_timers(now)) < next)
		next = t;
	for (i = 0; i < es->n; i++) {
		t = run_timers_of(es, &es->engines[i], now, may_restart);
		if (t < next)
			next = t;
	}
	return next;
}

/* Returns 0, or -1 if it has said so before. */
static int
now_ready(struct engine_proc *e)
{
	if (e->ready)
		return -1;
	e->ready = 1;
	e->kill_at = MONO_NEVER;
	watchers_tell_new(e);
	if (e->starts > 1)
		log_info("%s started again as pid %d", e->name, (int)e->pid);
	return 0;
}

/* The channel is of no use any more. why: what is wrong with its messages; NULL: it was closed. */
static void
channel_lost(struct engine_proc *e, const char *why)
{
	if (why != NULL) {
		log_msg(LOG_ERR, NULL, "%s: %s", e->name, why);
		kill_one(e);
	}
	engine_proc_hang_up(e);
	e->kill_at = mono_ms() + HANGUP_MS;
}

/* Returns 0, or -1 if it is not what an engine may say. */
static int
serve_one(struct engine_set *es, struct engine_proc *e, const struct ipc_msg *msg, int may_spawn)
{
	if (msg->type == IPC_READY)
		return now_ready(e);
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
		if (!engine_proc_may_ask(e, mono_ms())) {
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
	size_t	 n;

	es->npolled = requests_poll_count();
	es->ncontrol = control_poll_count();
	n = es->n + es->npolled + es->ncontrol;
	if (n <= es->max_pfds)
		return;
	es->max_pfds = n * 2;
	es->pfds = xreallocarray(es->pfds, es->max_pfds, sizeof(*es->pfds));
}

void
engine_set_wait(struct engine_set *es, uint64_t until)
{
	struct timespec	 ts, *timeout = NULL;
	uint64_t	 now = mono_ms(), ms;
	unsigned int	 i;

	if (until != MONO_NEVER) {
		ms = until > now ? until - now : 0;
		ts.tv_sec = (time_t)(ms / 1000);
		ts.tv_nsec = (long)(ms % 1000) * 1000000;
		timeout = &ts;
	}
	/* While messages wait nothing new is read: so they can't become many. */
	make_room(es);
	for (i = 0; i < es->n; i++) {
		es->pfds[i].fd = es->engines[i].nqueued == 0 ? es->engines[i].fd : -1;
		es->pfds[i].events = POLLIN;
		es->pfds[i].revents = 0;
	}
	requests_fill(es->requests, es->pfds + es->n);
	control_fill(es->pfds + es->n + es->npolled);
	if (ppoll(es->pfds, es->n + es->npolled + es->ncontrol, timeout, es->mask) == -1 && errno != EINTR)
		fatal("ppoll");
	/* Before any child is reaped, whose start might be among these. */
	requests_serve_starts(es->requests, es->pfds + es->n, es->npolled);
	let_signals_in(es);
}

void
engine_set_serve(struct engine_set *es, int may_spawn)
{
	unsigned int	 i;

	/* An engine that was reaped in the meantime has no channel any more. */
	for (i = 0; i < es->n; i++)
		if (es->pfds[i].revents != 0 && es->engines[i].fd != -1)
			serve_engine(es, &es->engines[i], may_spawn);
}

void
engine_set_serve_control(const struct engine_set *es)
{
	control_serve(es->pfds + es->n + es->npolled, es->ncontrol, mono_ms());
}
