/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/engine_proc.c: starts one engine and sends it messages.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/mono.h"
#include "base/syslog.h"
#include "base/xmalloc.h"
#include "engine/engine.h"
#include "startup/daemon.h"
#include "startup/tmpdir.h"
#include "supervisor/control.h"
#include "supervisor/engine_proc.h"
#include "supervisor/guard.h"
#include "system/notify.h"
#include "system/pin.h"
#include "system/privdrop.h"
#include "system/sandbox.h"
#include "store/spool.h"
#include "store/store.h"

#define DELAY_MIN_MS	1000
#define DELAY_MAX_MS	30000
#define STABLE_MS	60000	/* an engine that lived this long is restarted without delay */

/* Messages that wait for an engine before one with a copy of a descriptor is dropped. */
#define MAX_COPIES	16

/* A message that waits for room. */
struct outgoing {
	TAILQ_ENTRY(outgoing)	 entry;
	struct ipc_msg		 msg;
	int			 fds[IPC_MAX_FDS];
	int			 nfds;
	char			*env;		/* of msg, or NULL */
};

void
engine_proc_init(struct engine_proc *e, const struct conf *conf, unsigned int index)
{
	memset(e, 0, sizeof(*e));
	e->index = index;
	if (conf->engines == 1)
		(void)strlcpy(e->name, "engine", sizeof(e->name));
	else
		(void)snprintf(e->name, sizeof(e->name), "engine %u", index + 1);
	e->cpu = conf->pin ? pin_cpu(index) : -1;
	e->pid = -1;
	e->guarded = -1;
	e->fd = -1;
	e->log_fd = -1;
	e->kill_at = MONO_NEVER;
	e->delay = DELAY_MIN_MS;
	TAILQ_INIT(&e->queue);
}

static void
outgoing_close(struct outgoing *o)
{
	int	 i;

	for (i = 0; i < o->nfds; i++)
		close(o->fds[i]);
	o->nfds = 0;
}

static void
outgoing_drop(struct engine_proc *e, struct outgoing *o)
{
	TAILQ_REMOVE(&e->queue, o, entry);
	e->nqueued--;
	outgoing_close(o);
	free(o->env);
	free(o);
}

void
engine_proc_hang_up(struct engine_proc *e)
{
	if (e->fd != -1)
		ipc_close(e->fd);
	e->fd = -1;
}

/*
 * In a new engine: the channels of the others, and what waits for them, are not
 * its business.
 */
static void
drop_channel(struct engine_proc *e)
{
	struct outgoing	*o;

	while ((o = TAILQ_FIRST(&e->queue)) != NULL)
		outgoing_drop(e, o);
	engine_proc_hang_up(e);
	if (e->log_fd != -1)
		close(e->log_fd);
	e->log_fd = -1;
}

/*
 * The terminal of a daemon in the foreground is root's. As the engine's
 * controlling terminal it would take input from the engine; through the
 * descriptor that root has, what root types could be read. Only a device is
 * opened again: for a file that would be a second place to write at.
 */
static void
leave_terminal(int in_foreground)
{
	struct stat	 st;
	int		 fd;

	if (setsid() == -1)
		fatal("setsid");
	if (!in_foreground) {
		daemon_null_stdio();
		return;
	}
	if (fstat(STDERR_FILENO, &st) == 0 && S_ISCHR(st.st_mode)) {
		if ((fd = open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_CLOEXEC)) == -1)
			fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (fd == -1 || dup2(fd, STDERR_FILENO) == -1)
			fatal("standard error");
		close(fd);
	}
	daemon_null_input_output();
}

/* Where the engine has files, or had some when it last ran. Returns how many. */
static size_t
find_directories(const struct conf *conf, const struct runtime *runtime,
    struct sandbox_dir *dirs)
{
	size_t	 i, n = 0;

	if (store_directory() != -1)
		dirs[n++] = (struct sandbox_dir){ store_directory(), 1 };
	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].spool)
			dirs[n++] = (struct sandbox_dir){ runtime->spool_dirs[i].fd, 1 };
	/* The engine need not read the records that others have made. */
	if (runtime->record_fd != -1)
		dirs[n++] = (struct sandbox_dir){ runtime->record_fd, 0 };
	return n;
}

/* What needs a path is done before, and what needs the engine's user after it is that. */
static void
lock_up(const struct conf *conf, const struct runtime *runtime, unsigned int index,
    struct board *board)
{
	struct sandbox_dir	*dirs = xcalloc(conf->nhandlers + 2, sizeof(*dirs));

	conf_forget_environment(conf);
	board_become(board, index);
	store_setup(board, index, runtime->store_directory);
	spool_setup(conf, runtime->spool_dirs, runtime->store_directory, board, index);
	/* It asks a file how much address space is taken. */
	memory_limit(conf->memory);
	/* So that localtime_r(3) needs no file later. */
	tzset();
	sandbox_engine(dirs, find_directories(conf, runtime, dirs));
	free(dirs);
}

static void become_engine(struct engine_proc *, int, int, const struct supervisor_opts *,
    struct board *) NO_RETURN;

static void
become_engine(struct engine_proc *e, int fd, int log_fd, const struct supervisor_opts *opts,
    struct board *board)
{
	const struct conf	*conf = opts->conf;

	log_procinit(e->name);
	syslog_adopt(log_fd);
	setproctitle("%s", e->name);
	daemon_pidfile_forget();
	tmpdir_forget();
	notify_forget();
	control_close();
	leave_terminal(opts->ready_fd == -1);
	if (e->cpu != -1 && pin_to(e->cpu) == -1)
		log_warn("%s: CPU %d", e->name, e->cpu);
	if (conf->have_engine_ids && privdrop(conf->engine_uid,
	    conf->engine_gid, &conf->engine_gid, 1) == -1)
		fatal("cannot become %s", conf->engine_user);
	lock_up(conf, opts->runtime, e->index, board);
	engine_run(conf, opts->runtime, opts->listen_fds, fd, e->index, board);
}

int
engine_proc_start(struct engine_proc *all, unsigned int index, const struct supervisor_opts *opts,
    struct board *board)
{
	struct engine_proc	*e = &all[index];
	unsigned int		 i;
	int			 fds[2], log_fd;

	e->started = mono_ms();
	e->starts++;
	e->ready = 0;
	e->requests = ENGINE_BURST;
	e->counted = e->started;
	e->still = 0;
	if (ipc_pair(fds) == -1) {
		log_warn("socketpair");
		return -1;
	}
	log_fd = syslog_socket();
	if ((e->pid = fork()) == -1) {
		log_warn("fork of the %s", e->name);
		if (log_fd != -1)
			close(log_fd);
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (e->pid == 0) {
		close(fds[0]);
		for (i = 0; i < opts->conf->engines; i++)
			drop_channel(&all[i]);
		become_engine(e, fds[1], log_fd, opts, board);
	}
	e->guarded = guard_add_engine(e->pid);
	close(fds[1]);
	e->fd = fds[0];
	e->log_fd = log_fd;
	log_debug("%s started as pid %d", e->name, (int)e->pid);
	return 0;
}

void
engine_proc_flush(struct engine_proc *e)
{
	struct outgoing	*o;
	int		 ret;

	while ((o = TAILQ_FIRST(&e->queue)) != NULL && e->fd != -1) {
		ret = ipc_send(e->fd, &o->msg, o->fds, o->nfds);
		if (ret == 0)
			return;
		/* EPIPE: the engine's end will be seen soon, and logged then. */
		if (ret == -1 && errno != EPIPE)
			log_warn("message to the %s", e->name);
		outgoing_drop(e, o);
	}
}

void
engine_proc_send(struct engine_proc *e, const struct ipc_msg *msg,
    const int *fds, int nfds)
{
	struct outgoing	*o = xcalloc(1, sizeof(*o));
	int		 i;

	o->msg = *msg;
	if (msg->env_len > 0) {
		o->msg.env = o->env = xmalloc(msg->env_len);
		memcpy(o->env, msg->env, msg->env_len);
	}
	for (i = 0; i < nfds; i++)
		o->fds[i] = fds[i];
	o->nfds = nfds;
	TAILQ_INSERT_TAIL(&e->queue, o, entry);
	e->nqueued++;
	if (e->fd == -1)
		outgoing_drop(e, o);
	else
		engine_proc_flush(e);
}

void
engine_proc_send_copy(struct engine_proc *e, const struct ipc_msg *msg, int fd)
{
	int	 copy;

	if (fd == -1) {
		engine_proc_send(e, msg, NULL, 0);
		return;
	}
	if (e->fd == -1 || e->nqueued >= MAX_COPIES)
		return;
	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1) {
		log_warn("a descriptor for the %s", e->name);
		return;
	}
	engine_proc_send(e, msg, &copy, 1);
}

/* A bucket that fills with the time, and each request takes from. */
int
engine_proc_may_ask(struct engine_proc *e, uint64_t now)
{
	if (now > e->counted) {
		e->requests += (now - e->counted) * ENGINE_RATE / 1000;
		if (e->requests > ENGINE_BURST)
			e->requests = ENGINE_BURST;
		e->counted = now;
	}
	if (e->requests == 0)
		return 0;
	e->requests--;
	return 1;
}

int
engine_proc_is_still(const struct engine_proc *e)
{
	return e->still >= ENGINE_STILL;
}

void
engine_proc_gone(struct engine_proc *e)
{
	uint64_t	 lived = mono_ms() - e->started;

	drop_channel(e);
	e->pid = -1;
	e->kill_at = MONO_NEVER;
	e->ready = 0;
	e->restart_at = e->started + e->delay;
	e->delay = e->delay < DELAY_MAX_MS / 2 ? e->delay * 2 : DELAY_MAX_MS;
	if (lived >= STABLE_MS)
		e->delay = DELAY_MIN_MS;
}
