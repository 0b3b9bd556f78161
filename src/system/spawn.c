/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/spawn.c: starts a handler process with vfork(2).
 */
#include "base/compat.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "system/pin.h"
#include "system/privdrop.h"
#include "system/spawn.h"
#include "system/spawn_env.h"

/* All that the child needs, prepared before the fork. */
struct plan {
	const struct handler_conf *h;
	const char	*path;
	char *const	*argv;
	char *const	*envp;
	int		 cpu;
	int		 theirs[3];	/* the child's ends of the three pipes */
	/* The child writes these, unknown to the compiler. */
	volatile int	 error;
	volatile enum ipc_stage stage;
};

/* Signals that exec(3) would leave ignored, or that we have a handler for. */
static int	 to_reset[NSIG];
static size_t	 nto_reset;

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
 * The pipe is given to the handler's user, since /dev/stdout and /dev/stderr
 * open it again, and that asks for permission.
 */
static int
make_pipe(const struct handler_conf *h, int i, int *ours, int *theirs)
{
	int	 p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		return -1;
	*ours = i == STDIN_FILENO ? p[1] : p[0];
	*theirs = i == STDIN_FILENO ? p[0] : p[1];
	if (h->user != NULL && h->uid != geteuid() && fchown(*theirs, h->uid, h->gid) == -1)
		return -1;
	/* Each end has flags of its own: the handler's stays blocking. */
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int
make_pipes(struct plan *plan, struct spawned *out)
{
	int	 i;

	for (i = 0; i < 3; i++)
		if (make_pipe(plan->h, i, &out->fds[i], &plan->theirs[i]) == -1)
			return -1;
	return 0;
}

/* Looks once: the supervisor sets its signals up before it starts anything. */
static void
find_signals(void)
{
	struct sigaction	 sa;
	int			 sig;

	if (nto_reset > 0)
		return;
	for (sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL)
			to_reset[nto_reset++] = sig;
}

/*
 * Ignored and blocked signals would survive exec(3). A signal that has been
 * waiting must not find a handler of ours: it would run in our memory, in the
 * child.
 */
static void
reset_signals(void)
{
	struct sigaction	 sa;
	sigset_t		 none;
	size_t			 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < nto_reset; i++)
		(void)sigaction(to_reset[i], &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
move_fds(const struct plan *plan)
{
	int	 i;

	/* No descriptor of theirs is below 3, since 0 to 2 are always open in the daemon. */
	for (i = 0; i < 3; i++)
		if (dup2(plan->theirs[i], i) == -1)
			return -1;
	/*
	 * Descriptors that a daemon in the foreground got from its caller are
	 * not close-on-exec.
	 */
	closefrom(STDERR_FILENO + 1);
	return 0;
}

/*
 * slack lies between the soft and the hard limit. Only root may go above the
 * hard limit that we were started with; others keep that one.
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

/* A second of slack: SIGXCPU tells of the limit before SIGKILL comes. */
static int
set_limits(const struct handler_conf *h)
{
	if (set_limit(RLIMIT_AS, h->memory, 0) == -1 ||
	    set_limit(RLIMIT_CPU, h->cpu, 1) == -1)
		return -1;
	return set_limit(RLIMIT_NOFILE, h->open_files, 0);
}

/* Changes the directory last, as the handler's user, who must be able to enter it. */
static int
become_handler(const struct plan *plan)
{
	const struct handler_conf	*h = plan->h;

	if (setsid() == -1 || move_fds(plan) == -1 || set_limits(h) == -1)
		return -1;
	if (plan->cpu != -1)
		(void)pin_to(plan->cpu);
	(void)umask(h->umask);
	if (h->user != NULL && privdrop(h->uid, h->gid, h->groups, h->ngroups) == -1)
		return -1;
	return chdir(h->directory);
}

static void run_child(struct plan *) NO_RETURN;

/* Runs in our memory: it allocates nothing, logs nothing, and writes only to plan. */
static void
run_child(struct plan *plan)
{
	if (become_handler(plan) == 0) {
		plan->stage = IPC_STAGE_EXEC;
		reset_signals();
		execve(plan->path, plan->argv, plan->envp);
	}
	plan->error = errno;
	_exit(127);
}

/*
 * vfork(2) copies nothing: this process sleeps until the child has executed its
 * program or has ended, and the child reports an error through plan. This must
 * be a function of its own, because the child must not return from it and
 * shares its variables with us.
 */
static pid_t __attribute__((__noinline__))
start_child(struct plan *plan)
{
	pid_t	 pid;

	if ((pid = vfork()) == 0)
		run_child(plan);
	return pid;
}

/* After exec(3) the child also leads its process group. */
static int
start_plan(struct plan *plan, struct spawned *out)
{
	sigset_t	 all, before;

	out->stage = IPC_STAGE_PIPE;
	if (make_pipes(plan, out) == -1) {
		out->error = errno;
		return -1;
	}
	find_signals();
	/* No signal handler of ours may run in the child before exec(3). */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	out->pid = start_child(plan);
	out->error = out->pid == -1 ? errno : plan->error;
	out->stage = out->pid == -1 ? IPC_STAGE_FORK : plan->stage;
	if (out->pid != -1 && out->error != 0)
		while (waitpid(out->pid, NULL, 0) == -1 && errno == EINTR)
			;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return out->error == 0 ? 0 : -1;
}

int
spawn(const struct handler_conf *h, const char *tmpdir, enum event_kind ev, const char *env,
    size_t env_len, int cpu, struct spawned *out)
{
	struct plan	 plan = { .h = h, .cpu = cpu, .theirs = { -1, -1, -1 },
	    .stage = IPC_STAGE_SETUP };
	char		*hook_argv[2] = { NULL, NULL }, **envp;
	int		 ret;

	out->pid = -1;
	out->fds[0] = out->fds[1] = out->fds[2] = -1;
	out->error = EINVAL;
	out->stage = IPC_STAGE_SETUP;
	hook_argv[0] = h->hook_path[ev];
	plan.argv = h->command != NULL ? h->command : hook_argv;
	plan.path = plan.argv[0];
	if (plan.path == NULL || (envp = spawn_env_new(h, tmpdir, env, env_len)) == NULL)
		return -1;
	plan.envp = envp;
	ret = start_plan(&plan, out);
	spawn_env_free(envp);
	close_all(plan.theirs, nitems(plan.theirs));
	if (ret == -1) {
		close_all(out->fds, nitems(out->fds));
		out->pid = -1;
	}
	return ret;
}
