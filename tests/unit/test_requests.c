/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/requests.h: what several engines are answered, with real processes. */

#include "base/compat.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "base/xmalloc.h"
#include "supervisor/requests.h"
#include "tap.h"

#define ENGINES	3

enum { ONE_SHOT, REUSED, HANDLERS };

static char			 script[] = "/tmp/test_requests.XXXXXX";
static struct engine_proc	*engines;
static struct generation	*generation;
static struct generation_list	 generations = TAILQ_HEAD_INITIALIZER(generations);
static struct ledger		*ledger;
static int			 theirs[ENGINES];	/* the engines' ends */
static struct requests		*r;
static unsigned char		 bytes[IPC_MAX_MSG];
static int			 stdins[16];		/* of what was started */
static size_t			 nstdins;

/* looks_changed() */
static void
files_changed(void *arg, uint32_t handler)
{
	requests_files_changed(arg, handler);
}

/* A configuration that generation_free() can free. */
static struct conf *
new_conf(unsigned int processes)
{
	struct conf		*conf = xcalloc(1, sizeof(*conf));
	struct handler_conf	*h;
	unsigned int		 i;

	conf->handlers = xcalloc(HANDLERS, sizeof(*conf->handlers));
	conf->nhandlers = HANDLERS;
	conf->engines = ENGINES;
	for (i = 0; i < HANDLERS; i++) {
		h = &conf->handlers[i];
		if (asprintf(&h->name, "h%u", i) == -1)
			abort();
		h->command = xcalloc(3, sizeof(*h->command));
		h->command[0] = xstrdup("/bin/cat");
		if (i == REUSED)
			h->command[1] = xstrdup(script);
		h->directory = xstrdup("/");
		h->processes = processes;
		h->memory = h->cpu = h->open_files = RLIM_INFINITY;
	}
	conf->handlers[REUSED].reuse = 1;
	return conf;
}

static void
set_up(unsigned int processes)
{
	unsigned int	 i;
	int		 fds[2];

	ledger = ledger_new();
	r = requests_new(ledger);
	generation = generation_new(&generations, ledger, new_conf(processes),
	    runtime_new(HANDLERS), NULL, files_changed);
	engines = generation->engines;
	for (i = 0; i < ENGINES; i++) {
		requests_add_engine(r, &engines[i]);
		if (ipc_pair(fds) == -1)
			abort();
		engines[i].fd = fds[0];
		engines[i].ready = 1;
		theirs[i] = fds[1];
	}
}

/* As the supervisor's loop does, until no start and no look is left. */
static void
settle(void)
{
	struct pollfd	 pfds[32];
	size_t		 n, i;
	int		 busy;

	for (;;) {
		n = requests_poll_count();
		requests_fill(pfds);
		looks_fill(generation->looks, &pfds[n]);
		for (busy = 0, i = 0; i <= n; i++)
			busy |= pfds[i].fd != -1;
		if (!busy || poll(pfds, (nfds_t)n + 1, 10000) == 0)
			return;
		if (pfds[n].revents != 0)
			looks_serve(generation->looks, mono_ms());
		requests_serve_starts(r, pfds, n);
	}
}

static void
reap(pid_t pid)
{
	struct rusage	 used;
	int		 status;

	settle();
	if (wait4(pid, &status, 0, &used) != pid)
		abort();
	requests_exited(r, child_by_pid(pid), status, &used);
}

static void
tear_down(void)
{
	pid_t	 pid;
	size_t	 i;

	child_end_all(mono_ms(), 0);
	while ((pid = waitpid(-1, NULL, 0)) > 0)
		if (child_by_pid(pid) != NULL)
			child_remove(child_by_pid(pid));
	for (i = 0; i < nstdins; i++)
		close(stdins[i]);
	nstdins = 0;
	for (i = 0; i < ENGINES; i++) {
		engine_proc_gone(&engines[i]);
		close(theirs[i]);
	}
	generation_free(generation, ledger);
	requests_free(r);
	ledger_free(ledger);
}

/* As the supervisor's loop does. */
static uint64_t
run_timers(uint64_t now)
{
	uint64_t	 next = requests_run_timers(r, now), t;

	t = looks_run_timers(generation->looks, now);
	return t < next ? t : next;
}

/* What this engine is told: the type, or -1 if nothing. */
static int
told(unsigned int engine, struct ipc_msg *msg)
{
	int	 fds[IPC_MAX_FDS], i;

	settle();
	if (ipc_recv(theirs[engine], bytes, msg, fds) != 1)
		return -1;
	if (fds[0] != -1)
		stdins[nstdins++] = fds[0];
	for (i = 1; i < IPC_MAX_FDS; i++)
		if (fds[i] != -1)
			close(fds[i]);
	return (int)msg->type;
}

static int
ask_for(unsigned int engine, uint64_t id, uint32_t handler)
{
	struct ipc_msg	 msg = { .type = IPC_SPAWN, .id = id, .handler = handler,
	    .event = EV_MAIL };

	return requests_serve(r, &engines[engine], &msg, 1);
}

/* Starts one and returns its pid. */
static pid_t
start(unsigned int engine, uint64_t id, uint32_t handler)
{
	struct ipc_msg	 msg;

	if (ask_for(engine, id, handler) == -1 || told(engine, &msg) != IPC_SPAWNED ||
	    msg.id != id)
		return -1;
	return msg.value;
}

static int
is_refused(unsigned int engine, uint64_t id, uint32_t handler)
{
	struct ipc_msg	 msg;

	return ask_for(engine, id, handler) == 0 && told(engine, &msg) == IPC_FAILED &&
	    msg.id == id && msg.value == EAGAIN && msg.stage == IPC_STAGE_LIMIT;
}

static void
test_ids(void)
{
	struct ipc_msg	 msg = { .type = IPC_KILL, .id = 1, .value = SIGKILL };
	pid_t		 a, b;

	set_up(5);
	a = start(0, 1, ONE_SHOT);
	b = start(1, 1, ONE_SHOT);
	CHECK(a > 0 && b > 0 && a != b, "two engines use the same id");
	CHECK(ask_for(0, 1, ONE_SHOT) == -1, "one may not use it twice");
	CHECK(ask_for(0, 2, HANDLERS) == -1, "nor ask for a handler that isn't there");
	CHECK(requests_serve(r, &engines[1], &msg, 1) == 0, "one is killed");
	reap(b);
	CHECK(told(1, &msg) == IPC_EXITED && msg.id == 1 && WTERMSIG(msg.value) == SIGKILL,
	    "its engine is told");
	CHECK(told(0, &msg) == -1 && waitpid(a, NULL, WNOHANG) == 0, "the other one's lives");
	tear_down();
}

static void
test_limit(void)
{
	struct ipc_msg	 msg;
	pid_t		 a, b;

	set_up(2);
	a = start(0, 1, ONE_SHOT);
	b = start(1, 1, ONE_SHOT);
	CHECK(a > 0 && b > 0 && is_refused(2, 1, ONE_SHOT), "the limit holds over all engines");
	CHECK(is_refused(0, 2, ONE_SHOT), "also for who has one already");
	CHECK(told(1, &msg) == -1 && told(0, &msg) == -1, "one-shot processes end by themselves");
	CHECK(start(2, 2, REUSED) > 0, "another handler has a limit of its own");
	kill(a, SIGKILL);
	reap(a);
	CHECK(told(0, &msg) == IPC_EXITED && told(0, &msg) == IPC_FREED &&
	    msg.handler == ONE_SHOT, "one that waits is told of room");
	CHECK(told(2, &msg) == -1, "one only");
	CHECK(run_timers(mono_ms()) != MONO_NEVER, "the other one soon");
	(void)run_timers(mono_ms() + 500);
	CHECK(told(2, &msg) == IPC_FREED, "if the first makes no use of it");
	CHECK(start(2, 3, ONE_SHOT) > 0 && is_refused(0, 3, ONE_SHOT), "one gets it");
	tear_down();
}

static void
test_reclaim(void)
{
	struct ipc_msg	 msg;

	set_up(3);
	CHECK(start(0, 1, REUSED) > 0 && start(1, 1, REUSED) > 0 && start(1, 2, REUSED) > 0,
	    "two engines have all");
	CHECK(is_refused(2, 1, REUSED) && told(0, &msg) == IPC_RECLAIM &&
	    msg.handler == REUSED && told(1, &msg) == -1, "one of them is to let one go");
	CHECK(is_refused(2, 2, REUSED) && told(1, &msg) == IPC_RECLAIM &&
	    told(0, &msg) == -1, "then the next");
	CHECK(is_refused(2, 3, REUSED) && told(0, &msg) == IPC_RECLAIM, "and the first again");
	tear_down();
}

static void
test_gone(void)
{
	struct ipc_msg	 msg;
	pid_t		 a;

	set_up(1);
	a = start(0, 1, ONE_SHOT);
	CHECK(is_refused(1, 1, ONE_SHOT), "an engine waits");
	child_end_engine(0, mono_ms(), 5000);
	requests_engine_gone(r, 0);
	(void)run_timers(mono_ms());
	CHECK(told(1, &msg) == IPC_FREED && start(1, 2, ONE_SHOT) > 0,
	    "what an engine had that is gone doesn't count");
	reap(a);
	CHECK(told(0, &msg) == -1 && told(1, &msg) == -1, "its end is told to nobody");
	tear_down();
}

static void
test_stale(void)
{
	struct ipc_msg	 msg;
	uint64_t	 next;
	pid_t		 a;
	int		 fd;

	if ((fd = mkstemp(script)) == -1)
		abort();
	set_up(5);
	CHECK(run_timers(mono_ms()) == MONO_NEVER, "nothing runs, nothing to do");
	(void)start(0, 1, ONE_SHOT);
	CHECK(run_timers(mono_ms()) == MONO_NEVER, "nor with a one-shot handler");
	if (write(fd, "1", 1) != 1)
		abort();
	a = start(1, 1, REUSED);
	next = run_timers(mono_ms());
	CHECK(next > mono_ms() && next <= mono_ms() + 1000, "files are looked at in a second");
	CHECK(run_timers(next) == next + 5000 && told(1, &msg) == -1,
	    "they are as they were");
	if (write(fd, "2", 1) != 1)
		abort();
	CHECK(run_timers(mono_ms()) <= mono_ms() + 1000, "and looked at again");
	(void)run_timers(mono_ms() + 1000);
	CHECK(told(0, &msg) == IPC_STALE && told(1, &msg) == IPC_STALE &&
	    told(2, &msg) == IPC_STALE && msg.handler == REUSED, "all are told of a change");
	(void)run_timers(mono_ms() + 2000);
	CHECK(told(0, &msg) == -1, "once");
	kill(a, SIGKILL);
	reap(a);
	CHECK(run_timers(mono_ms() + 3000) == MONO_NEVER, "the last is gone, nothing to do");
	if (write(fd, "3", 1) != 1)
		abort();
	(void)start(1, 2, REUSED);
	settle();
	(void)run_timers(mono_ms() + 3000);
	CHECK(told(0, &msg) == -1, "who is started afterwards is not stale");
	tear_down();
	close(fd);
	(void)unlink(script);
}

int
main(void)
{
	if (spawn_setup("./" STARTER_NAME) == -1)
		return 99;
	test_ids();
	test_limit();
	test_reclaim();
	test_gone();
	test_stale();
	return tap_done();
}
