/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "engine_proc.h"
#include "listen_sock.h"
#include "log.h"
#include "mono.h"
#include "requests.h"
#include "supervisor.h"

#define READY_MS	30000	/* an engine that does not serve by then is stuck */
#define HANGUP_MS	5000	/* from the end of its channel to its exit */
#define RETRY_MS	10	/* messages that found no room */
#define BURST		32	/* requests between two looks at the signals */

enum phase {
	STARTING,	/* the first engine has not been ready yet */
	RUNNING,
	DRAINING,	/* the engine finishes what is open */
	ENDING		/* no engine any more, or not for long */
};

struct supervisor {
	const struct supervisor_opts *opts;
	struct engine_proc	 engine;
	enum phase		 phase;
	int			 failed;	/* the start did */
	uint64_t		 end_at;	/* when draining is over */
	uint64_t		 engine_kill_at;
	sigset_t		 unblocked;
};

static volatile sig_atomic_t	got_chld, got_term, got_hup;

static void
on_signal(int sig)
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
 * They are blocked but while ppoll(2) waits, so that none comes between the
 * look at its flag and the wait.
 */
static void
catch_signals(struct supervisor *sv)
{
	static const int	 caught[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	struct sigaction	 sa;
	sigset_t		 blocked;
	size_t			 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
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

/* No handler outlives this phase: TERM, and KILL when grace is over. */
static void
end_now(struct supervisor *sv, uint64_t grace)
{
	listen_sock_end(sv->opts->conf, sv->opts->listen_fds);
	sv->phase = ENDING;
	child_end_all(mono_ms(), grace);
	if (sv->engine.pid > 0 && kill(sv->engine.pid, SIGKILL) == -1)
		log_warn("kill of the engine");
}

static void
drain(struct supervisor *sv)
{
	struct ipc_msg	 msg;

	log_info("ending");
	listen_sock_end(sv->opts->conf, sv->opts->listen_fds);
	if (sv->engine.pid <= 0) {
		end_now(sv, CHILD_GRACE_MS);
		return;
	}
	sv->phase = DRAINING;
	sv->end_at = mono_ms() + sv->opts->conf->drain_timeout;
	memset(&msg, 0, sizeof(msg));
	msg.type = IPC_DRAIN;
	engine_proc_send(&sv->engine, &msg, NULL, 0);
}

static void
told_to_end(struct supervisor *sv)
{
	while (got_term > 0) {
		got_term--;
		switch (sv->phase) {
		case STARTING:
		case RUNNING:
			drain(sv);
			break;
		case DRAINING:
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
	if (sv->opts->sighup_ends)
		got_term++;
	else
		log_msg(LOG_WARNING, NULL, "SIGHUP: reloading is not there "
		    "yet; restart for a new configuration");
}

static void
log_engine_end(const struct supervisor *sv, pid_t pid, int status)
{
	int	 severity = LOG_ERR;

	if (sv->phase == ENDING || (sv->phase == DRAINING && status == 0))
		severity = LOG_DEBUG;
	if (WIFSIGNALED(status))
		log_msg(severity, NULL, "engine (pid %d) ended by signal %d (%s)%s",
		    (int)pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WCOREDUMP(status) ? ", core dumped" : "");
	else
		log_msg(severity, NULL, "engine (pid %d) ended with status %d",
		    (int)pid, WEXITSTATUS(status));
}

static void
engine_ended(struct supervisor *sv, pid_t pid, int status)
{
	log_engine_end(sv, pid, status);
	engine_proc_gone(&sv->engine);
	sv->engine_kill_at = MONO_NEVER;
	child_end_all(mono_ms(), CHILD_GRACE_MS);
	if (sv->phase == STARTING) {
		sv->failed = 1;
		end_now(sv, CHILD_GRACE_MS);
	} else if (sv->phase == DRAINING)
		sv->phase = ENDING;
}

static void
start_engine(struct supervisor *sv)
{
	if (engine_proc_start(&sv->engine, sv->opts, &sv->unblocked) == 0) {
		sv->engine_kill_at = mono_ms() + READY_MS;
		return;
	}
	engine_proc_gone(&sv->engine);
	if (sv->phase == STARTING) {
		sv->failed = 1;
		end_now(sv, 0);
	}
}

/* Not yet reaped, so that its number still stands for it and its group. */
static void
handler_ended(struct supervisor *sv, struct child *c, pid_t pid)
{
	int	 status;

	child_signal(c, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		fatal("waitpid %d", (int)pid);
	if (!c->orphan)
		requests_exited(&sv->engine, c->id, status);
	child_remove(c);
}

static void
ended(struct supervisor *sv, pid_t pid)
{
	struct child	*c;
	int		 status;

	if ((c = child_by_pid(pid)) != NULL) {
		handler_ended(sv, c, pid);
		return;
	}
	if (waitpid(pid, &status, 0) != pid)
		fatal("waitpid %d", (int)pid);
	if (pid == sv->engine.pid)
		engine_ended(sv, pid, status);
	else
		log_debug("unknown child %d ended", (int)pid);
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

static void
engine_ready(struct supervisor *sv)
{
	sv->engine.ready = 1;
	sv->engine_kill_at = MONO_NEVER;
	if (sv->phase != STARTING) {
		log_info("engine started again as pid %d", (int)sv->engine.pid);
		return;
	}
	sv->phase = RUNNING;
	log_info("pipemilter %s is ready", PACKAGE_VERSION);
	daemon_ready(sv->opts->ready_fd);
}

/* The channel is of no use any more. What its end means is told by the exit. */
static void
channel_lost(struct supervisor *sv)
{
	if (errno != EPIPE) {
		log_msg(LOG_ERR, NULL, "engine: message that makes no sense");
		(void)kill(sv->engine.pid, SIGKILL);
	}
	close(sv->engine.fd);
	sv->engine.fd = -1;
	sv->engine_kill_at = mono_ms() + HANGUP_MS;
}

static void
serve_engine(struct supervisor *sv)
{
	static unsigned char	 bytes[IPC_MAX_MSG];
	struct ipc_msg		 msg;
	int			 fds[IPC_MAX_FDS], i, n, ret;

	for (n = 0; n < BURST && sv->engine.nqueued == 0; n++) {
		ret = ipc_recv(sv->engine.fd, bytes, &msg, fds);
		if (ret == 0)
			return;
		if (ret == 1) {
			/* None was asked for. */
			for (i = 0; i < IPC_MAX_FDS; i++)
				if (fds[i] != -1)
					close(fds[i]);
			if (msg.type == IPC_READY) {
				engine_ready(sv);
				continue;
			}
			ret = requests_serve(sv->opts->conf, &sv->engine,
			    &msg, sv->phase != ENDING);
			errno = EBADMSG;
		}
		if (ret == -1) {
			channel_lost(sv);
			return;
		}
	}
}

/* What is due is done. Returns when the next is, or MONO_NEVER. */
static uint64_t
run_timers(struct supervisor *sv)
{
	uint64_t	 now = mono_ms(), next;

	if (sv->phase == DRAINING && now >= sv->end_at) {
		log_msg(LOG_WARNING, NULL, "drain-timeout is over");
		end_now(sv, CHILD_GRACE_MS);
	}
	if (sv->engine.pid > 0 && now >= sv->engine_kill_at) {
		log_msg(LOG_ERR, NULL, "the engine is stuck");
		(void)kill(sv->engine.pid, SIGKILL);
		sv->engine_kill_at = MONO_NEVER;
	}
	if (sv->phase == RUNNING && sv->engine.pid <= 0 &&
	    now >= sv->engine.restart_at)
		start_engine(sv);
	next = child_run_timers(now);
	if (sv->phase == DRAINING && sv->end_at < next)
		next = sv->end_at;
	if (sv->engine.pid > 0 && sv->engine_kill_at < next)
		next = sv->engine_kill_at;
	if (sv->phase == RUNNING && sv->engine.pid <= 0 &&
	    sv->engine.restart_at < next)
		next = sv->engine.restart_at;
	/* Not by POLLOUT: descriptors on their way may be what is too many. */
	if (sv->engine.nqueued > 0 && now + RETRY_MS < next)
		next = now + RETRY_MS;
	return next;
}

static void
wait_and_serve(struct supervisor *sv, uint64_t until)
{
	struct timespec	 ts, *timeout = NULL;
	struct pollfd	 pfd;
	uint64_t	 now = mono_ms(), ms;

	if (until != MONO_NEVER) {
		ms = until > now ? until - now : 0;
		ts.tv_sec = (time_t)(ms / 1000);
		ts.tv_nsec = (long)(ms % 1000) * 1000000;
		timeout = &ts;
	}
	memset(&pfd, 0, sizeof(pfd));
	/* While messages wait nothing new is read: so they can't become many. */
	pfd.fd = sv->engine.nqueued == 0 ? sv->engine.fd : -1;
	pfd.events = POLLIN;
	if (ppoll(&pfd, 1, timeout, &sv->unblocked) == -1) {
		if (errno != EINTR)
			fatal("ppoll");
		return;
	}
	if (pfd.revents != 0)
		serve_engine(sv);
}

static int
is_over(const struct supervisor *sv)
{
	return sv->phase == ENDING && sv->engine.pid <= 0 && child_count() == 0;
}

int
supervisor_run(const struct supervisor_opts *opts)
{
	struct supervisor	 sv;
	uint64_t		 next;

	memset(&sv, 0, sizeof(sv));
	sv.opts = opts;
	sv.engine_kill_at = MONO_NEVER;
	engine_proc_init(&sv.engine);
	log_procinit("supervisor");
	setproctitle("supervisor");
	catch_signals(&sv);
	start_engine(&sv);
	while (!is_over(&sv)) {
		engine_proc_flush(&sv.engine);
		next = run_timers(&sv);
		wait_and_serve(&sv, next);
		reap(&sv);
		told_to_reload(&sv);
		told_to_end(&sv);
	}
	if (!sv.failed)
		log_info("ended");
	return sv.failed;
}
