/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/conn.h"
#include "engine/engine.h"
#include "engine/hproc.h"
#include "engine/listener.h"
#include "base/log.h"
#include "base/mono.h"
#include "engine/pool.h"
#include "store/spool.h"
#include "store/spool_file.h"
#include "store/store.h"
#include "supervisor/supervisor.h"
#include "base/xmalloc.h"

/* So long files of messages are put away for the next ones. */
#define SPARES_MS	1000

static void on_ipc_read(evutil_socket_t, short, void *);
static void on_ipc_write(evutil_socket_t, short, void *);

uint64_t
engine_now(struct engine *e)
{
	if (e->now == 0)
		e->now = mono_ms();
	return e->now;
}

int
engine_has_room(const struct engine *e)
{
	return conf_fds(e->conf, ((uint64_t)e->nconns + 1) * e->fds_a_conn,
	    (uint64_t)e->nprocs + 1) <= e->max_fds;
}

/* 1 sent, 0 later, -1 the supervisor is gone. */
static int
send_owed(struct engine *e, struct hproc *hp)
{
	struct ipc_msg	 msg = { .id = hp->id };
	struct task	*t;
	int		 r;

	if (hp->owes_spawn) {
		msg.type = IPC_SPAWN;
		msg.handler = hp->pool->index;
		msg.event = (uint32_t)hp->event;
		if ((t = TAILQ_FIRST(&hp->asked)) != NULL && !hp->pool->conf->reuse) {
			msg.env = (const char *)t->env.data;
			msg.env_len = t->env.len;
		}
	} else {
		msg.type = IPC_KILL;
		msg.value = hp->owes_signal;
	}
	r = ipc_send(e->ipc_fd, &msg, NULL, 0);
	if (r == 1 && hp->owes_spawn)
		hp->owes_spawn = 0;
	else if (r == 1)
		hp->owes_signal = 0;
	else if (r == -1 && errno != EPIPE)
		fatal("message to the supervisor");
	return r;
}

void
engine_flush_ipc(struct engine *e)
{
	struct hproc	*hp;
	int		 r;

	while ((hp = TAILQ_FIRST(&e->unsent)) != NULL) {
		if (hp->owes_spawn && hp->slot.state == SLOT_DOOMED) {
			hproc_cancel(hp);
			continue;
		}
		while (hp->owes_spawn || hp->owes_signal) {
			if ((r = send_owed(e, hp)) == 1)
				continue;
			/* That the supervisor is gone is seen to where it is read from. */
			if (r == 0)
				event_add(&e->ipc_write, NULL);
			return;
		}
		TAILQ_REMOVE(&e->unsent, hp, unsent);
		hp->is_unsent = 0;
	}
}

static void
on_ipc_write(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	engine_flush_ipc(arg);
}

struct hproc *
engine_process(struct engine *e, uint64_t id)
{
	struct hproc	 key;

	key.id = id;
	return RB_FIND(hproc_tree, &e->procs, &key);
}

/* Descriptors get lost in the message when the engine has none left. */
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
drain(struct engine *e)
{
	size_t	 i;

	e->draining = 1;
	for (i = 0; i < e->conf->nlistens; i++)
		listener_close(&e->listeners[i]);
}

/* What is not about one process. Returns 0 if it is about one. */
static int
on_general(struct engine *e, const struct ipc_msg *msg)
{
	if (msg->type == IPC_DRAIN) {
		drain(e);
		return 1;
	}
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

static void
on_message(struct engine *e, const struct ipc_msg *msg, int *fds)
{
	struct hproc	*hp;

	if (on_general(e, msg)) {
		ipc_close_fds(fds);
		return;
	}
	hp = engine_process(e, msg->id);
	if (hp == NULL)
		fatalx("the supervisor tells of process %llu, which is none of ours",
		    (unsigned long long)msg->id);
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
	struct conn	*c, *next;

	log_warnx("the supervisor is gone");
	TAILQ_FOREACH_SAFE(c, &e->conns, entry, next)
		conn_orphan(c);
	spool_sweep(e->conf);
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

/* One write to each process that was given anything in this turn. */
static void
flush_processes(struct engine *e)
{
	struct hproc	*hp;

	while ((hp = TAILQ_FIRST(&e->dirty)) != NULL) {
		TAILQ_REMOVE(&e->dirty, hp, dirty);
		hp->is_dirty = 0;
		hproc_flush(hp);
	}
}

static void
sweep(struct engine *e)
{
	struct conn	*c;
	struct hproc	*hp;
	struct session	*s;

	while ((c = TAILQ_FIRST(&e->dead_conns)) != NULL) {
		TAILQ_REMOVE(&e->dead_conns, c, entry);
		conn_free(c);
	}
	while ((hp = TAILQ_FIRST(&e->dead_procs)) != NULL) {
		TAILQ_REMOVE(&e->dead_procs, hp, dead);
		hproc_free(hp);
	}
	while ((s = TAILQ_FIRST(&e->dead_sessions)) != NULL) {
		TAILQ_REMOVE(&e->dead_sessions, s, dead);
		session_free(s);
	}
}

/* Files that the next message may be written over: not for long. */
static void
drop_spares(void *arg __unused)
{
	(void)spool_file_drop_spares();
}

static void
watch_spares(struct engine *e)
{
	if (e->spares.due == 0 && spool_file_spares() > 0)
		ltimer_set(&e->spares, engine_now(e) + SPARES_MS);
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

/* The supervisor decides when to end; a TERM for the whole group is not for us. */
static void
reset_signals(void)
{
	sigset_t	 none;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
init(struct engine *e, const struct conf *conf, const int *listen_fds, int ipc_fd)
{
	unsigned int	 i;

	e->conf = conf;
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
	ltimer_init(&e->spares, e->base, drop_spares, e);
	e->pools = xcalloc(conf->nhandlers, sizeof(*e->pools));
	for (i = 0; i < conf->nhandlers; i++)
		pool_init(&e->pools[i], e, i);
	e->listeners = xcalloc(conf->nlistens, sizeof(*e->listeners));
	for (i = 0; i < conf->nlistens; i++)
		listener_init(&e->listeners[i], e, &conf->listens[i], listen_fds[i]);
}

/* Handlers that wait for work would keep an engine that drains from its end. */
static int
is_over(struct engine *e)
{
	unsigned int	 i;

	if (!e->draining || e->nconns > 0 || e->nsessions > 0)
		return 0;
	for (i = 0; i < e->conf->nhandlers; i++)
		pool_close(&e->pools[i]);
	return e->nprocs == 0;
}

void
engine_run(const struct conf *conf, const int *listen_fds, int ipc_fd, unsigned int index,
    struct board *board)
{
	static struct engine	 e;
	struct ipc_msg		 ready = { .type = IPC_READY };
	unsigned int		 i;

	reset_signals();
	raise_fd_limit(&e);
	e.index = index;
	e.board = board;
	init(&e, conf, listen_fds, ipc_fd);
	store_setup(board, index, conf->store_directory);
	spool_setup(conf, board, index);
	spool_sweep(conf);
	if (ipc_send(ipc_fd, &ready, NULL, 0) != 1)
		fatal("message to the supervisor");
	for (i = 0; i < conf->nhandlers; i++)
		pool_open(&e.pools[i]);
	while (!is_over(&e)) {
		if (event_base_loop(e.base, EVLOOP_ONCE) == -1)
			fatalx("event loop");
		flush_processes(&e);
		sweep(&e);
		watch_spares(&e);
		e.now = 0;
	}
	(void)spool_file_drop_spares();
	exit(0);
}
