/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "privdrop.h"
#include "spawn.h"
#include "spawn_env.h"

#define CHILD_ERRNO_FD	3	/* in the child, close-on-exec */

/* What a child tells us when it could not become the handler. */
struct child_error {
	int		 code;
	enum ipc_stage	 stage;
};

/* All that the child needs, made before the fork. */
struct plan {
	const struct handler_conf *h;
	const char	*path;
	char *const	*argv;
	char		**envp;
	int		 theirs[3];	/* its ends of the three pipes */
	int		 errno_pipe[2];
};

static void
close_all(int *fds, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
}

/*
 * The pipe is handed to the handler's user: /dev/stderr and /dev/stdout open
 * it anew, and that asks for permission.
 */
static int
make_pipe(const struct handler_conf *h, int i, int *ours, int *theirs)
{
	int	 p[2], flags;

	if (pipe2(p, O_CLOEXEC) == -1)
		return -1;
	*ours = i == STDIN_FILENO ? p[1] : p[0];
	*theirs = i == STDIN_FILENO ? p[0] : p[1];
	if (h->user != NULL && fchown(*theirs, h->uid, h->gid) == -1)
		return -1;
	/* Each end has flags of its own: the handler's stays blocking. */
	if ((flags = fcntl(*ours, F_GETFL)) == -1)
		return -1;
	return fcntl(*ours, F_SETFL, flags | O_NONBLOCK);
}

static int
make_pipes(struct plan *plan, struct spawned *out)
{
	int	 i;

	if (pipe2(plan->errno_pipe, O_CLOEXEC) == -1)
		return -1;
	for (i = 0; i < 3; i++)
		if (make_pipe(plan->h, i, &out->fds[i],
		    &plan->theirs[i]) == -1)
			return -1;
	return 0;
}

/* Blocked and ignored signals would survive exec(3). */
static void
default_signals(void)
{
	struct sigaction	 sa;
	sigset_t		 none;
	int			 sig;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	sigemptyset(&sa.sa_mask);
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* *errfd: where the way to tell of errors is, before and after. */
static int
move_fds(const struct plan *plan, int *errfd)
{
	int	 i;

	/* None of theirs is below 3, for 0 to 2 are always open in the daemon. */
	for (i = 0; i < 3; i++)
		if (dup2(plan->theirs[i], i) == -1)
			return -1;
	if (*errfd != CHILD_ERRNO_FD &&
	    dup3(*errfd, CHILD_ERRNO_FD, O_CLOEXEC) == -1)
		return -1;
	*errfd = CHILD_ERRNO_FD;
	closefrom(CHILD_ERRNO_FD + 1);
	return 0;
}

/*
 * slack lies between the soft and the hard limit. Only root may go beyond the
 * hard limit that we were started with; for others that one stays.
 */
static int
set_limit(int resource, rlim_t value, rlim_t slack)
{
	struct rlimit	 rl;

	if (value == RLIM_INFINITY)
		return 0;
	if (getrlimit((__rlimit_resource_t)resource, &rl) == -1)
		return -1;
	if (geteuid() == 0 || value + slack < rl.rlim_max)
		rl.rlim_max = value + slack;
	rl.rlim_cur = value < rl.rlim_max ? value : rl.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &rl);
}

/* A second of slack lets SIGXCPU tell of the limit before SIGKILL comes. */
static int
set_limits(const struct handler_conf *h)
{
	if (set_limit(RLIMIT_AS, h->memory, 0) == -1 ||
	    set_limit(RLIMIT_CPU, h->cpu, 1) == -1)
		return -1;
	return set_limit(RLIMIT_NOFILE, h->open_files, 0);
}

/* The folder comes last: it is the handler's user who must be able to enter it. */
static int
become_handler(const struct plan *plan, int *errfd)
{
	const struct handler_conf	*h = plan->h;

	if (setsid() == -1)
		return -1;
	default_signals();
	if (move_fds(plan, errfd) == -1 || set_limits(h) == -1)
		return -1;
	(void)umask(h->umask);
	if (h->user != NULL &&
	    privdrop(h->uid, h->gid, h->groups, h->ngroups) == -1)
		return -1;
	return chdir(h->directory);
}

static void run_child(const struct plan *) NO_RETURN;

/* Only calls that are safe after a fork: nothing allocates, nothing logs. */
static void
run_child(const struct plan *plan)
{
	struct child_error	 err = { 0, IPC_STAGE_SETUP };
	int			 errfd = plan->errno_pipe[1];

	if (become_handler(plan, &errfd) == 0) {
		err.stage = IPC_STAGE_EXEC;
		execve(plan->path, plan->argv, plan->envp);
	}
	err.code = errno;
	while (write(errfd, &err, sizeof(err)) == -1 && errno == EINTR)
		;
	_exit(127);
}

/*
 * End of file says that exec(3) has happened; then the child also leads its
 * process group. A child that tells of an error is reaped here.
 */
static int
await_exec(const struct plan *plan, struct spawned *out)
{
	struct child_error	 err;
	ssize_t			 n;

	do
		n = read(plan->errno_pipe[0], &err, sizeof(err));
	while (n == -1 && errno == EINTR);
	if (n == 0)
		return 0;
	while (waitpid(out->pid, NULL, 0) == -1 && errno == EINTR)
		;
	out->pid = -1;
	out->stage = IPC_STAGE_SETUP;
	out->error = EIO;
	if (n == (ssize_t)sizeof(err)) {
		out->stage = err.stage;
		out->error = err.code;
	}
	return -1;
}

/*
 * fork(2), not vfork(2): this process stays small, so that the difference is
 * small too, and the child may call what it likes.
 */
static int
start_child(struct plan *plan, struct spawned *out)
{
	sigset_t	 all, before;

	out->stage = IPC_STAGE_PIPE;
	if (make_pipes(plan, out) == -1) {
		out->error = errno;
		return -1;
	}
	/* No handler of ours may run in the half-made child. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	if ((out->pid = fork()) == 0)
		run_child(plan);
	out->error = errno;
	out->stage = IPC_STAGE_FORK;
	close_all(plan->theirs, nitems(plan->theirs));
	close_all(&plan->errno_pipe[1], 1);
	if (out->pid == -1 || await_exec(plan, out) == -1) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		return -1;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	out->error = 0;
	return 0;
}

static int
start(struct plan *plan, struct spawned *out)
{
	int	 ret;

	ret = start_child(plan, out);
	close_all(plan->theirs, nitems(plan->theirs));
	close_all(plan->errno_pipe, nitems(plan->errno_pipe));
	if (ret == -1)
		close_all(out->fds, nitems(out->fds));
	return ret;
}

int
spawn(const struct handler_conf *h, enum event_kind ev, const char *env,
    size_t env_len, struct spawned *out)
{
	struct plan	 plan = { h, NULL, NULL, NULL, { -1, -1, -1 },
	    { -1, -1 } };
	char		*hook_argv[2] = { NULL, NULL };
	int		 ret;

	out->pid = -1;
	out->fds[0] = out->fds[1] = out->fds[2] = -1;
	out->error = EINVAL;
	out->stage = IPC_STAGE_SETUP;
	hook_argv[0] = h->hook_path[ev];
	plan.argv = h->command != NULL ? h->command : hook_argv;
	plan.path = plan.argv[0];
	if (plan.path == NULL)
		return -1;
	if ((plan.envp = spawn_env_new(h, env, env_len)) == NULL)
		return -1;
	ret = start(&plan, out);
	spawn_env_free(plan.envp);
	return ret;
}
