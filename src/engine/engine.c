/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/engine.c: the event loop of an engine: it handles what the supervisor
 * says and ends when all is drained.
 */
#include "base/compat.h"

#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "engine/conn.h"
#include "engine/engine.h"
#include "engine/hproc.h"
#include "engine/listener.h"
#include "engine/loop.h"
#include "base/syslog.h"
#include "system/ipc.h"
#include "system/signals.h"
#include "engine/pool.h"
#include "engine/watch.h"
#include "store/spool.h"
#include "store/spool_file.h"
#include "store/store.h"

/* ms that a spare file of a message is kept (store/spool_file.h). */
#define SPARES_MS	1000
/* Lines of the log that found no room; and no receiver. */
#define LOG_ROOM_MS	20
#define LOG_CUT_MS	1000
/* A loop without work makes a turn at least this often: the supervisor looks at it. */
#define TURN_MS		5000

static void on_ipc_read(evutil_socket_t, short, void *);
static void on_ipc_write(evutil_socket_t, short, void *);

static void
on_ipc_write(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	hproc_flush_ipc(arg);
}

/* An engine that has no descriptor left loses those that come with a message. */
static void
on_spawned(struct hproc *hp, int *fds)
{
	int	 i, lost = 0;

	for (i = 0; i < IPC_MAX_FDS; i++)
		lost |= fds[i] == -1;
	if (!lost) {
		hproc_started(hp, fds);
		return;
	}
	ipc_close_fds(fds);
	hproc_lost(hp);
}

static void
stop_accepting(struct engine *e)
{
	size_t	 i;

	e->draining = 1;
	for (i = 0; i < e->conf->nlistens; i++)
		listener_close(&e->listeners[i]);
}

static int
on_watch(struct engine *e, const struct ipc_msg *msg, int *fds)
{
	if (msg->type == IPC_UNWATCH) {
		watch_end(msg->id);
		return 1;
	}
	if (msg->type != IPC_WATCH)
		return 0;
	watch_begin(e, msg, fds[0]);
	fds[0] = -1;
	return 1;
}

static void
say(const struct engine *e, enum ipc_type type)
{
	const struct ipc_msg	 msg = { .type = type };

	if (ipc_send(e->ipc_fd, &msg, NULL, 0) == -1 && errno != EPIPE)
		fatal("message to the supervisor");
}

static void
serve(struct engine *e)
{
	size_t	 i;

	if (e->serving || e->draining)
		return;
	e->serving = 1;
	for (i = 0; i < e->conf->nlistens; i++)
		listener_open(&e->listeners[i]);
	for (i = 0; i < e->conf->nhandlers; i++)
		pool_open(&e->pools[i]);
}

/* Engines with another configuration have taken over, and want the places of our processes. */
static void
retire(struct engine *e)
{
	size_t	 i;

	stop_accepting(e);
	for (i = 0; i < e->conf->nhandlers; i++)
		pool_retire(&e->pools[i]);
	say(e, IPC_RETIRED);
}

/* Handles a message about this engine as a whole. Returns 0 if it is about something else. */
static int
on_order(struct engine *e, enum ipc_type type)
{
	switch (type) {
	case IPC_SERVE:
		serve(e);
		return 1;
	case IPC_DRAIN:
		stop_accepting(e);
		return 1;
	case IPC_RETIRE:
		retire(e);
		return 1;
	case IPC_ANSWER:
		stop_accepting(e);
		conn_answer_all(e);
		return 1;
	default:
		return 0;
	}
}

/* Handles a message that is not about one process. Returns 0 if it is about one. */
static int
on_general(struct engine *e, const struct ipc_msg *msg, int *fds)
{
	if (on_watch(e, msg, fds) || on_order(e, msg->type))
		return 1;
	if (msg->type != IPC_RECLAIM && msg->type != IPC_FREED && msg->type != IPC_STALE)
		return 0;
	if (msg->handler >= e->conf->nhandlers)
		fatalx("the supervisor tells of handler %u", msg->handler);
	if (msg->type == IPC_RECLAIM)
		pool_reclaim(&e->pools[msg->handler]);
	else if (msg->type == IPC_FREED)
		pool_freed(&e->pools[msg->handler]);
	else
		pool_stale(&e->pools[msg->handler]);
	return 1;
}

/* Nobody here waits for the process. If it was just started it would stay for good. */
static void
on_unknown_process(struct engine *e, const struct ipc_msg *msg)
{
	struct ipc_msg	 end = { .type = IPC_KILL, .id = msg->id, .value = SIGKILL };

	log_bug(NULL, "the supervisor tells of process %llu, which is none of ours",
	    (unsigned long long)msg->id);
	if (msg->type == IPC_SPAWNED && ipc_send(e->ipc_fd, &end, NULL, 0) == -1 &&
	    errno != EPIPE)
		fatal("message to the supervisor");
}

static void
on_message(struct engine *e, const struct ipc_msg *msg, int *fds)
{
	struct hproc	*hp;

	if (on_general(e, msg, fds)) {
		ipc_close_fds(fds);
		return;
	}
	hp = hproc_find(e, msg->id);
	if (hp == NULL) {
		on_unknown_process(e, msg);
		ipc_close_fds(fds);
		return;
	}
	switch (msg->type) {
	case IPC_SPAWNED:
		on_spawned(hp, fds);
		return;
	case IPC_FAILED:
		hproc_not_started(hp, msg->value, (enum ipc_stage)msg->stage);
		break;
	case IPC_EXITED:
		hproc_exited(hp, msg->value);
		break;
	default:
		fatalx("message %d of the supervisor", (int)msg->type);
	}
	ipc_close_fds(fds);
}

static void
orphaned(struct engine *e)
{
	log_warnx("the supervisor is gone");
	conn_orphan_all(e);
	spool_sweep();
	syslog_drain(LOG_LAST_WORDS);
	exit(1);
}

static void
on_ipc_read(evutil_socket_t fd, short what __unused, void *arg)
{
	static unsigned char	 bytes[IPC_MAX_MSG];
	struct engine		*e = arg;
	struct ipc_msg		 msg;
	int			 fds[IPC_MAX_FDS], r;

	while ((r = ipc_recv(fd, bytes, &msg, fds)) == 1)
		on_message(e, &msg, fds);
	if (r == -1 && (errno == EPIPE || errno == ECONNRESET))
		orphaned(e);
	if (r == -1)
		fatal("message of the supervisor");
}

/* Files that the next message may overwrite are kept for a moment only. */
static void
drop_spares(void *arg __unused)
{
	(void)spool_file_drop_spares();
}

/* The count of log lines that were left out is told when their span is over. */
static void
tell_left_out(void *arg)
{
	struct engine	*e = arg;
	uint64_t	 next = log_limit_tell(engine_now(e));

	if (next != MONO_NEVER)
		ltimer_set(&e->log_timer, next);
}

static void
watch_spares(struct engine *e)
{
	if (e->spare_files_timer.due == 0 && spool_file_spares() > 0)
		ltimer_set(&e->spare_files_timer, engine_now(e) + SPARES_MS);
	if (e->log_timer.due == 0 && log_limit_counts())
		tell_left_out(e);
}

/* A turn of the loop is all that is wanted. */
static void
on_syslog(void *arg __unused)
{
}

/* Only the supervisor can connect the socket again, once the receiver has been restarted. */
static void
watch_syslog(struct engine *e)
{
	struct ipc_msg	 msg = { .type = IPC_LOG };

	if (syslog_lost() != e->lines_lost)
		numbers_add(&board_own()->log_lines_lost, syslog_lost() - e->lines_lost);
	e->lines_lost = syslog_lost();
	if (!syslog_flush())
		return;
	if (syslog_is_cut() && engine_now(e) >= e->syslog_asked + LOG_CUT_MS) {
		if (ipc_send(e->ipc_fd, &msg, NULL, 0) == -1 && errno != EPIPE)
			fatal("message to the supervisor");
		e->syslog_asked = engine_now(e);
	}
	if (e->syslog_timer.due == 0)
		ltimer_set(&e->syslog_timer, engine_now(e) + (syslog_is_cut() ? LOG_CUT_MS : LOG_ROOM_MS));
}

/* The turn that this timer causes is all that is wanted. */
static void
wake_loop(void *arg)
{
	struct engine	*e = arg;

	/* Not engine_now(): before the first turn that would set the time of that turn. */
	ltimer_set(&e->turn_timer, mono_ms() + TURN_MS);
}

static void
raise_fd_limit(struct engine *e)
{
	struct rlimit	 rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("setrlimit");
	e->max_fds = rl.rlim_cur > 1000000 ? 1000000 : (unsigned int)rl.rlim_cur;
}

/*
 * The supervisor decides when an engine ends. A terminal's ^C and a service
 * manager's TERM reach all processes, but an engine that drains has to live on.
 * The supervisor has blocked these signals before the fork: ignore them first,
 * unblock then.
 */
static void
set_signals(void)
{
	sigset_t	 none;

	signals_ignore();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
init_engine(struct engine *e, const struct conf *conf, const int *listen_fds, int ipc_fd)
{
	unsigned int	 i;

	e->conf = conf;
	e->hooks = &conn_hooks;
	e->ipc_fd = ipc_fd;
	e->fds_a_conn = conf_fds_a_connection(conf);
	TAILQ_INIT(&e->conns);
	TAILQ_INIT(&e->dead_conns);
	TAILQ_INIT(&e->dead_procs);
	TAILQ_INIT(&e->dead_sessions);
	TAILQ_INIT(&e->unsent);
	TAILQ_INIT(&e->dirty);
	RB_INIT(&e->procs);
	if ((e->base = event_base_new()) == NULL)
		fatalx("no event loop");
	event_assign(&e->ipc_read, e->base, ipc_fd, EV_READ | EV_PERSIST, on_ipc_read, e);
	event_assign(&e->ipc_write, e->base, ipc_fd, EV_WRITE, on_ipc_write, e);
	event_add(&e->ipc_read, NULL);
	ltimer_init(&e->syslog_timer, e->base, on_syslog, e);
	ltimer_init(&e->spare_files_timer, e->base, drop_spares, e);
	ltimer_init(&e->log_timer, e->base, tell_left_out, e);
	ltimer_init(&e->turn_timer, e->base, wake_loop, e);
	wake_loop(e);
	e->pools = xcalloc(conf->nhandlers, sizeof(*e->pools));
	for (i = 0; i < conf->nhandlers; i++)
		pool_init(&e->pools[i], e, i);
	e->listeners = xcalloc(conf->nlistens, sizeof(*e->listeners));
	for (i = 0; i < conf->nlistens; i++)
		listener_init(&e->listeners[i], e, &conf->listens[i], listen_fds[i], conn_new,
		    conn_make_room);
}

/* Ends processes that wait for work: an engine that drains would wait for them. */
static int
has_drained(struct engine *e)
{
	unsigned int	 i;

	if (e->ending)
		return e->nconns == 0;
	if (!e->draining || e->nconns > 0 || e->nsessions > 0)
		return 0;
	for (i = 0; i < e->conf->nhandlers; i++)
		pool_close(&e->pools[i]);
	return e->nprocs == 0;
}

void
engine_run(const struct conf *conf, const struct runtime *runtime, const int *listen_fds,
    int ipc_fd, unsigned int index, struct board *board)
{
	static struct engine	 e;
	set_signals();
	raise_fd_limit(&e);
	e.index = index;
	e.board = board;
	e.record_fd = runtime->record_fd;
	init_engine(&e, conf, listen_fds, ipc_fd);
	spool_sweep();
	say(&e, IPC_READY);
	/* Nobody waits for the errors of the start any more. */
	log_echo(-1);
	while (!has_drained(&e)) {
		if (event_base_loop(e.base, EVLOOP_ONCE) == -1)
			fatalx("event loop");
		hproc_flush_all(&e);
		conn_sweep(&e);
		hproc_sweep(&e);
		watch_spares(&e);
		watch_syslog(&e);
		watch_sweep();
		board_note_sessions(board, index, e.nsessions);
		board_turn(board, index);
		e.now = 0;
	}
	(void)spool_file_drop_spares();
	syslog_drain(LOG_LAST_WORDS);
	exit(0);
}
