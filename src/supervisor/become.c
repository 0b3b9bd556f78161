/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/become.c: from the fork to the engine.
 */
#include "base/compat.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/syslog.h"
#include "base/xmalloc.h"
#include "engine/engine.h"
#include "session/session.h"
#include "startup/daemon.h"
#include "startup/tmpdir.h"
#include "store/spool.h"
#include "store/store.h"
#include "supervisor/become.h"
#include "supervisor/control.h"
#include "supervisor/starts.h"
#include "system/notify.h"
#include "system/pin.h"
#include "system/privdrop.h"
#include "system/sandbox.h"

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
lock_up(const struct engine_proc *e)
{
	const struct generation	*g = e->generation;
	const struct runtime	*runtime = g->runtime;
	struct sandbox_dir	*dirs = xcalloc(g->conf->nhandlers + 2, sizeof(*dirs));

	board_become(g->board, e->index);
	store_setup(g->board, e->index, runtime->store_directory);
	spool_setup(g->conf, runtime->spool_dirs, runtime->store_directory, g->board, e->index,
	    e->number);
	/* It asks a file how much address space is taken. */
	memory_limit(g->conf->memory);
	/* So that localtime_r(3) needs no file later. */
	tzset();
	sandbox_engine(dirs, find_directories(g->conf, runtime, dirs));
	free(dirs);
}

/* What the supervisor has, and no engine may. */
static void
forget_all(const struct engine_set *es, const struct generation *g)
{
	daemon_pidfile_forget();
	tmpdir_forget();
	notify_forget();
	control_close();
	starts_forget();
	generation_forget_others(&es->generations, g);
}

void
become_engine(struct engine_proc *e, int fd, int log_fd, void *arg)
{
	const struct engine_set	*es = arg;
	const struct generation	*g = e->generation;
	const struct conf	*conf = g->conf;

	log_procinit(e->name);
	log_tee(NULL);
	log_change(conf->syslog_facility, es->opts->verbose ? LOG_DEBUG : conf->log_level);
	syslog_adopt(log_fd);
	setproctitle("%s", e->name);
	forget_all(es, g);
	leave_terminal(es->opts->ready_fd == -1);
	if (e->cpu != -1 && pin_to(e->cpu) == -1)
		log_warn("%s: CPU %d", e->name, e->cpu);
	if (conf->have_engine_ids && privdrop(conf->engine_uid,
	    conf->engine_gid, &conf->engine_gid, 1) == -1)
		fatal("cannot become %s", conf->engine_user);
	lock_up(e);
	session_set_run(e->run);
	engine_run(conf, g->runtime, g->listen_fds, fd, e->index, g->board);
}
