/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/supervisor.c: the main loop of the supervisor: signals, phases,
 * the end.
 */
#include "base/compat.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/syslog.h"
#include "startup/daemon.h"
#include "startup/listen_sock.h"
#include "supervisor/awake.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/engine_set.h"
#include "supervisor/guard.h"
#include "supervisor/reader.h"
#include "supervisor/reload.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"
#include "supervisor/watchers.h"
#include "system/notify.h"
#include "system/sandbox.h"
#include "system/signals.h"

#define LOG_RETRY_MS	100	/* lines that found no room */

enum phase {
	STARTING,	/* some of the first engines are not ready yet */
	RUNNING,
	DRAINING,	/* the engines finish what is open */
	ANSWERING,	/* draining took too long: the engines answer without the handlers */
	ENDING		/* no engine is left, or not for long */
};

struct supervisor {
	const struct supervisor_opts *opts;
	struct engine_set	 engines;
	struct reload		 reload;
	enum phase		 phase;
	int			 failed;	/* the start has failed */
	int			 drained;	/* no connection is taken, but the daemon goes on */
	time_t			 started;
	uint64_t		 engine_failures;
	uint64_t		 end_at;	/* when draining, or answering, is over */
	sigset_t		 unblocked;
};

static volatile sig_atomic_t	got_chld, got_term, got_hup;

static void
note_signal(int sig)
{
	switch (sig) {
	case SIGCHLD:
		got_chld = 1;
		break;
	case SIGHUP:
		got_hup = 1;
		break;
	default:
		got_term++;
	}
}

/*
 * The signals that are caught are blocked except while ppoll(2) waits, so that
 * none comes between the look at its flag and the wait. All others are ignored.
 */
static void
block_and_catch_signals(struct supervisor *sv)
{
	static const int	 caught[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	struct sigaction	 sa;
	sigset_t		 blocked;
	size_t			 i;

	signals_ignore();
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = note_signal;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&blocked);
	for (i = 0; i < nitems(caught); i++)
		sigaddset(&blocked, caught[i]);
	if (sigprocmask(SIG_BLOCK, &blocked, &sv->unblocked) == -1)
		fatal("sigprocmask");
	for (i = 0; i < nitems(caught); i++) {
		sigdelset(&sv->unblocked, caught[i]);
		if (sigaction(caught[i], &sa, NULL) == -1)
			fatal("sigaction");
	}
}

/* The configuration that new connections are served with. */
static const struct conf *
conf_of(const struct supervisor *sv)
{
	return sv->engines.current->conf;
}

/* Closes the listening sockets, if that was not done before. */
static void
stop_listening(struct supervisor *sv)
{
	listen_sock_end(conf_of(sv), sv->engines.current->listen_fds);
}

/* Ends all processes: handlers get TERM, and KILL after grace ms. */
static void
end_now(struct supervisor *sv, uint64_t grace)
{
	stop_listening(sv);
	sv->phase = ENDING;
	child_end_all(awake_ms(), grace);
	engine_set_kill(&sv->engines);
}

static void
start_draining(struct supervisor *sv)
{
	log_info("ending");
	reload_give_up(&sv->reload, "the daemon is ending");
	(void)notify_send(-1, "STOPPING=1\nSTATUS=ending; open sessions may go on for %u s",
	    (unsigned int)(conf_of(sv)->drain_timeout / 1000));
	stop_listening(sv);
	if (engine_set_alive(&sv->engines) == 0) {
		end_now(sv, CHILD_GRACE_MS);
		return;
	}
	sv->phase = DRAINING;
	sv->end_at = awake_ms() + conf_of(sv)->drain_timeout;
	engine_set_tell(&sv->engines, IPC_DRAIN);
}

/* No MTA is left without an answer: the handlers' time is over, the engines' is not. */
static void
answer(struct supervisor *sv)
{
	stop_listening(sv);
	sv->phase = ANSWERING;
	sv->end_at = awake_ms() + ENGINE_ANSWER_MS;
	engine_set_tell(&sv->engines, IPC_ANSWER);
}

/* Takes no more connections. The engines end when they have none, and are not replaced. */
static void
drain(struct supervisor *sv)
{
	if (sv->drained)
		return;
	reload_give_up(&sv->reload, "the daemon is drained");
	log_info("draining: no more connections are taken");
	(void)notify_send(-1, "STATUS=draining; no more connections are taken");
	listen_sock_drain(conf_of(sv), sv->engines.current->listen_fds);
	sv->drained = 1;
	engine_set_tell(&sv->engines, IPC_DRAIN);
}

static const char *
state_name(const struct supervisor *sv)
{
	switch (sv->phase) {
	case STARTING:
		return "starting";
	case RUNNING:
		return sv->drained ? "draining" : "running";
	default:
		return "ending";
	}
}

static void
refuse(struct control_client *c, const char *why, unsigned int status)
{
	control_say_text(c, CONTROL_ERROR, why);
	control_finish(c, status);
}

static int
is_order(const char *verb)
{
	return strcmp(verb, "stop") == 0 || strcmp(verb, "drain") == 0 ||
	    strcmp(verb, "reload") == 0;
}

/* What only root and our own user may ask for. */
static void
take_order(struct supervisor *sv, struct control_client *c, const char *verb)
{
	if (strcmp(verb, "stop") == 0) {
		got_term++;
		control_hold(c);
	} else if (strcmp(verb, "reload") == 0) {
		if (sv->phase > RUNNING || sv->opts->conf_path == NULL) {
			refuse(c, sv->phase > RUNNING ? "the daemon is ending" :
			    "the daemon was started without a file", CONTROL_FAILED);
			return;
		}
		control_wait(c);
		reload_ask(&sv->reload);
	} else if (sv->phase != RUNNING)
		refuse(c, "the daemon is not running", CONTROL_FAILED);
	else {
		drain(sv);
		control_finish(c, CONTROL_OK);
	}
}

/* watchers_tell */
static void
tell_watch(void *arg, const struct ipc_msg *msg, int fd)
{
	struct supervisor	*sv = arg;

	engine_set_tell_ready(&sv->engines, msg, fd);
}

/* control_request */
static void
take_request(void *arg, struct control_client *c, char **words, int all)
{
	struct supervisor	*sv = arg;
	struct status		 st = { state_name(sv), sv->started, &sv->reload,
	    sv->engine_failures, sv->phase >= DRAINING ? sv->end_at : 0 };

	if (words[1] == NULL && strcmp(words[0], "ping") == 0)
		status_ping(c, &sv->engines, &st);
	else if (words[1] == NULL && strcmp(words[0], "status") == 0)
		status_tell(c, &sv->engines, &st);
	else if (words[1] == NULL && strcmp(words[0], "processes") == 0)
		status_processes(c, &sv->engines);
	else if (strcmp(words[0], "watch") != 0 && (words[1] != NULL || !is_order(words[0])))
		refuse(c, "no such command", CONTROL_USAGE);
	else if (!all)
		refuse(c, "only root and the user of the daemon may do that", CONTROL_NOT_ALLOWED);
	else if (strcmp(words[0], "watch") == 0)
		watchers_begin(c, words + 1, conf_of(sv));
	else
		take_order(sv, c, words[0]);
}

static void
told_to_end(struct supervisor *sv)
{
	while (got_term > 0) {
		got_term--;
		switch (sv->phase) {
		case STARTING:
		case RUNNING:
			start_draining(sv);
			break;
		case DRAINING:
			log_info("ending at once");
			answer(sv);
			/* The engines hear of that first: their answers say that time was over. */
			child_end_all(awake_ms(), 0);
			break;
		case ANSWERING:
		case ENDING:
			log_info("ending at once");
			end_now(sv, 0);
			break;
		}
	}
}

static void
told_to_reload(struct supervisor *sv)
{
	if (!got_hup)
		return;
	got_hup = 0;
	if (sv->opts->conf_path == NULL)
		got_term++;
	else if (sv->phase > RUNNING)
		log_info("SIGHUP: the configuration is not read again, as the daemon is ending");
	else
		reload_ask(&sv->reload);
}

/* One that is wanted during the start begins when that is over. */
static void
go_on_reloading(struct supervisor *sv)
{
	if (reload_run(&sv->reload, awake_ms(), sv->phase == RUNNING) == 1)
		sv->drained = 0;
}

/* 1 if the end of an engine is no surprise. */
static int
may_end(const struct supervisor *sv, const struct generation *g, int status)
{
	if (sv->phase == ENDING || g->state == GENERATION_FAILED)
		return 1;
	if (g->state == GENERATION_OLD || g->state == GENERATION_ANSWERS)
		return status == 0;
	return status == 0 && (sv->phase >= DRAINING || sv->drained);
}

static void
log_engine_end(const struct supervisor *sv, const struct engine_proc *e, int status)
{
	int	 severity = may_end(sv, e->generation, status) ? LOG_DEBUG : LOG_ERR;

	if (WIFSIGNALED(status))
		log_msg(severity, NULL, "%s (pid %d) ended by signal %d (%s)%s", e->name,
		    (int)e->pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WCOREDUMP(status) ? ", core dumped" : "");
	else
		log_msg(severity, NULL, "%s (pid %d) ended with status %d", e->name,
		    (int)e->pid, WEXITSTATUS(status));
}

static void
engine_ended(struct supervisor *sv, struct engine_proc *e, int status)
{
	struct generation	*g = e->generation;

	log_engine_end(sv, e, status);
	if (status != 0 && !may_end(sv, g, status))
		sv->engine_failures++;
	engine_set_ended(&sv->engines, e);
	reload_engine_ended(&sv->reload, e);
	if (generation_alive(g) == 0 && g->state >= GENERATION_OLD && g != sv->reload.new) {
		reload_forget(&sv->reload, g);
		engine_set_drop(&sv->engines, g);
	}
	if (sv->phase == STARTING) {
		sv->failed = 1;
		end_now(sv, CHILD_GRACE_MS);
	} else if (sv->phase == ANSWERING && engine_set_alive(&sv->engines) == 0)
		end_now(sv, CHILD_GRACE_MS);
	else if (sv->phase == DRAINING && engine_set_alive(&sv->engines) == 0)
		sv->phase = ENDING;
}

/* Twice as many handlers as there may be: some end slowly. */
static int
start_guard(const struct supervisor *sv)
{
	const struct conf	*conf = conf_of(sv);
	size_t			 i, n = 256 + conf->engines;

	for (i = 0; i < conf->nhandlers; i++)
		n += 2 * (size_t)conf->handlers[i].processes;
	return guard_start(n, sv->opts->ready_fd != -1);
}

/* Not yet reaped, so that its number still stands for it and its group. */
static void
handler_ended(struct supervisor *sv, struct child *c, pid_t pid)
{
	struct rusage	 used;
	int		 status;

	child_signal(c, SIGKILL);
	guard_remove(c->guarded);
	c->guarded = -1;
	if (wait4(pid, &status, 0, &used) != pid)
		fatal("wait4 %d", (int)pid);
	requests_exited(sv->engines.requests, c, status, &used);
}

static void
ended(struct supervisor *sv, pid_t pid)
{
	struct child		*c;
	struct engine_proc	*e;
	int			 status;

	if ((c = child_by_pid(pid)) != NULL) {
		handler_ended(sv, c, pid);
		return;
	}
	if ((e = engine_set_by_pid(&sv->engines, pid)) != NULL) {
		guard_remove(e->guarded);
		e->guarded = -1;
	}
	if (waitpid(pid, &status, 0) != pid)
		fatal("waitpid %d", (int)pid);
	if (e != NULL)
		engine_ended(sv, e, status);
	else if (guard_is(pid))
		(void)start_guard(sv);
	else if (reader_is(pid))
		reload_read(&sv->reload, status);
	else
		engine_set_reaped(&sv->engines, pid);
}

static void
reap(struct supervisor *sv)
{
	siginfo_t	 info;

	if (!got_chld)
		return;
	got_chld = 0;
	for (;;) {
		memset(&info, 0, sizeof(info));
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1) {
			if (errno == EINTR)
				continue;
			if (errno != ECHILD)
				fatal("waitid");
			return;
		}
		if (info.si_pid == 0)
			return;
		ended(sv, info.si_pid);
	}
}

/* A service manager knows the process that it started, which in the background is gone by now. */
static void
tell_ready(const struct supervisor *sv)
{
	if (sv->opts->ready_fd != -1)
		(void)notify_send(-1, "MAINPID=%d", (int)getpid());
	(void)notify_send(-1, "READY=1\nSTATUS=running");
}

static void
look_whether_ready(struct supervisor *sv)
{
	struct generation	*g = sv->engines.current;

	if (sv->phase != STARTING || !generation_all_ready(g))
		return;
	sv->phase = RUNNING;
	engine_set_serve_with(&sv->engines, g);
	log_info("pipemilter %s is ready", PACKAGE_VERSION);
	listen_sock_leave(g->conf, g->listen_fds);
	tell_ready(sv);
	daemon_ready(sv->opts->ready_fd);
}

/* Does what is due. Returns when the next is, in ms, or MONO_NEVER. */
static uint64_t
run_timers(struct supervisor *sv)
{
	uint64_t	 now, next, t;

	awake_turn(0);
	now = awake_ms();
	if (sv->phase == DRAINING && now >= sv->end_at) {
		log_msg(LOG_WARNING, NULL, "drain-timeout is over");
		answer(sv);
	} else if (sv->phase == ANSWERING && now >= sv->end_at)
		end_now(sv, CHILD_GRACE_MS);
	next = engine_set_run_timers(&sv->engines, now,
	    sv->phase == RUNNING && !sv->drained);
	if ((t = child_run_timers(now)) < next)
		next = t;
	if ((t = reload_next(&sv->reload, sv->phase == RUNNING)) < next)
		next = t;
	if ((sv->phase == DRAINING || sv->phase == ANSWERING) && sv->end_at < next)
		next = sv->end_at;
	if (syslog_flush() && now + LOG_RETRY_MS < next)
		next = now + LOG_RETRY_MS;
	return next;
}

static int
all_have_ended(const struct supervisor *sv)
{
	return sv->phase == ENDING && engine_set_alive(&sv->engines) == 0 && child_count() == 0;
}

int
supervisor_run(const struct supervisor_opts *opts)
{
	struct supervisor	 sv;
	uint64_t		 next;

	memset(&sv, 0, sizeof(sv));
	sv.opts = opts;
	sv.started = time(NULL);
	control_init(opts->control_fd, take_request, &sv);
	watchers_init(tell_watch, &sv);
	log_procinit("supervisor");
	setproctitle("supervisor");
	block_and_catch_signals(&sv);
	sandbox_tell_missing();
	engine_set_init(&sv.engines, opts, &sv.unblocked);
	reload_init(&sv.reload, &sv.engines);
	if (start_guard(&sv) == -1 || engine_set_start(&sv.engines) == -1) {
		sv.failed = 1;
		end_now(&sv, 0);
	}
	while (!all_have_ended(&sv)) {
		next = run_timers(&sv);
		/* The last one may just have been given up. */
		if (all_have_ended(&sv))
			break;
		engine_set_wait(&sv.engines, next);
		/* Reap first: an exited process makes room for one that is asked for. */
		reap(&sv);
		engine_set_serve(&sv.engines, sv.phase != ENDING);
		engine_set_serve_control(&sv.engines);
		look_whether_ready(&sv);
		told_to_reload(&sv);
		told_to_end(&sv);
		go_on_reloading(&sv);
	}
	stop_listening(&sv);
	reload_free(&sv.reload);
	engine_set_free(&sv.engines);
	guard_stop();
	if (!sv.failed)
		log_info("ended");
	syslog_drain(LOG_LAST_WORDS);
	return sv.failed;
}
