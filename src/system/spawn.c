/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/spawn.c: starts handler processes, by way of the program
 * pipemilter-start (pipemilter_start.c), and never waits for what a handler's
 * user can delay.
 */
#include "base/compat.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/xmalloc.h"
#include "system/pin.h"
#include "system/spawn.h"
#include "system/spawn_env.h"

/* All that the child needs, prepared before the fork. */
struct plan {
	const struct handler_conf *h;	/* NULL: a look at files */
	char *const	*argv;		/* of pipemilter-start */
	char *const	*envp;
	int		 cpu;
	int		 theirs[4];	/* its ends: 0 to 2, and STARTER_FD for notes */
};

/* The arguments for pipemilter-start, before those of the handler itself. */
struct words {
	char		 parent[16], uid[16], gid[16];
	char		*groups;
};

static int	 starter_fd = -1;
static char	 starter_name[] = STARTER_NAME;
static char	*no_env[] = { NULL };

/* What exec(3) would not leave at its default, or we have a handler for. */
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

/* A directory of our own: what is installed there is trusted as this program is. */
static int
open_beside_us(void)
{
	char	 path[PATH_MAX], *end;
	ssize_t	 n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return -1;
	path[n] = '\0';
	if ((end = strrchr(path, '/')) == NULL ||
	    (size_t)(end + 1 - path) + sizeof(STARTER_NAME) > sizeof(path))
		return -1;
	memcpy(end + 1, STARTER_NAME, sizeof(STARTER_NAME));
	return open(path, O_PATH | O_CLOEXEC);
}

/* The program stays open: an upgrade does not change what this process works with. */
int
spawn_setup(const char *path)
{
	if (starter_fd != -1)
		return 0;
	if (path != NULL)
		starter_fd = open(path, O_PATH | O_CLOEXEC);
	else if ((starter_fd = open_beside_us()) == -1)
		starter_fd = open(PKGLIBEXECDIR "/" STARTER_NAME, O_PATH | O_CLOEXEC);
	if (starter_fd == -1)
		log_msg(LOG_ERR, NULL, "%s: %s; expected it in " PKGLIBEXECDIR
		    " or next to this program", path != NULL ? path : STARTER_NAME,
		    strerror(errno));
	return starter_fd == -1 ? -1 : 0;
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
	int	 p[2], i;

	for (i = 0; plan->h != NULL && i < 3; i++)
		if (make_pipe(plan->h, i, &out->fds[i], &plan->theirs[i]) == -1)
			return -1;
	if (pipe2(p, O_CLOEXEC) == -1)
		return -1;
	out->notes = p[0];
	plan->theirs[STARTER_FD] = p[1];
	return fcntl(p[0], F_SETFL, O_NONBLOCK);
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

/*
 * Descriptors 0 to 3 are the handler's and that for notes, 4 is the program.
 * None of ours is below 3, for 0 to 2 are always open in the daemon.
 */
static int
move_fds(const struct plan *plan)
{
	const int	 next = STARTER_FD + 1;
	int		 notes, program, i;

	for (i = 0; i < 3; i++)
		if (plan->theirs[i] != -1 && dup2(plan->theirs[i], i) == -1)
			return -1;
	if ((notes = fcntl(plan->theirs[STARTER_FD], F_DUPFD, next + 1)) == -1 ||
	    (program = fcntl(starter_fd, F_DUPFD, next + 1)) == -1 ||
	    dup2(notes, STARTER_FD) == -1 || dup3(program, next, O_CLOEXEC) == -1)
		return -1;
	/* What a foreground daemon has got from its caller isn't close-on-exec. */
	closefrom(next + 1);
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

static int
prepare_child(const struct plan *plan)
{
	if (setsid() == -1 || move_fds(plan) == -1)
		return -1;
	reset_signals();
	if (plan->h == NULL)
		return 0;
	if (plan->cpu != -1)
		(void)pin_to(plan->cpu);
	(void)umask(plan->h->umask);
	return set_limits(plan->h);
}

static void run_child(const struct plan *) NO_RETURN;

/* In our memory, and with our rights: nothing allocates, nothing logs, nothing is written. */
static void
run_child(const struct plan *plan)
{
	struct starter_note	 note = { .kind = STARTER_SETUP_FAILED };

	if (prepare_child(plan) == 0)
		(void)syscall(SYS_execveat, STARTER_FD + 1, "", plan->argv, plan->envp,
		    AT_EMPTY_PATH);
	note.error = errno;
	(void)!write(STARTER_FD, &note, sizeof(note));
	_exit(127);
}

/*
 * vfork(2): nothing of this process is copied, and it sleeps until the child
 * has executed pipemilter-start, as root if we are, so that no user can stop the
 * child meanwhile. A function of its own, for the child must not return from it,
 * and shares its variables with us.
 */
static pid_t __attribute__((__noinline__))
start_child(const struct plan *plan)
{
	pid_t	 pid;

	if ((pid = vfork()) == 0)
		run_child(plan);
	return pid;
}

/* The child also leads its process group. */
static int
start_plan(const struct plan *plan, struct spawned *out)
{
	sigset_t	 all, before;

	find_signals();
	/* No signal handler of ours may run in the child before exec(3). */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	out->pid = start_child(plan);
	out->error = out->pid == -1 ? errno : 0;
	out->stage = IPC_STAGE_FORK;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return out->pid == -1 ? -1 : 0;
}

static void
words_make(struct words *w, const struct handler_conf *h)
{
	size_t	 i, size = (h == NULL ? 0 : h->ngroups) * 12 + 1, len = 0;

	(void)snprintf(w->parent, sizeof(w->parent), "%d", (int)getpid());
	(void)snprintf(w->uid, sizeof(w->uid), "-");
	w->gid[0] = '\0';
	w->groups = xmalloc(size);
	w->groups[0] = '\0';
	if (h == NULL || h->user == NULL)
		return;
	(void)snprintf(w->uid, sizeof(w->uid), "%u", (unsigned int)h->uid);
	(void)snprintf(w->gid, sizeof(w->gid), "%u", (unsigned int)h->gid);
	for (i = 0; i < h->ngroups; i++)
		len += (size_t)snprintf(w->groups + len, size - len, "%u,",
		    (unsigned int)h->groups[i]);
}

/* The arguments of pipemilter-start, malloc'd: those in first, and then those in rest. */
static char **
join_arguments(char *const *first, size_t nfirst, char *const *rest)
{
	char	**argv;
	size_t	  n = 0;

	while (rest[n] != NULL)
		n++;
	argv = xcalloc(nfirst + n + 1, sizeof(*argv));
	memcpy(argv, first, nfirst * sizeof(*argv));
	memcpy(argv + nfirst, rest, n * sizeof(*argv));
	return argv;
}

static void
set_nothing(struct spawned *out)
{
	out->pid = -1;
	out->fds[0] = out->fds[1] = out->fds[2] = out->notes = -1;
	out->error = EINVAL;
	out->stage = IPC_STAGE_SETUP;
}

/* Starts the child of a plan that lacks only its pipes. */
static int
start_with_pipes(struct plan *plan, struct spawned *out)
{
	int	 ret = -1;

	out->stage = IPC_STAGE_PIPE;
	if (make_pipes(plan, out) == -1)
		out->error = errno;
	else
		ret = start_plan(plan, out);
	close_all(plan->theirs, nitems(plan->theirs));
	if (ret == -1)
		spawn_close(out);
	return ret;
}

int
spawn_begin(const struct handler_conf *h, const char *tmpdir, enum event_kind ev,
    const char *env, size_t env_len, int cpu, int look, struct spawned *out)
{
	char		 verb[] = "start", yes[] = "look", no[] = "-";
	char		*hook_argv[2] = { h->hook_path[ev], NULL }, **envp, **argv;
	char *const	*command = h->command != NULL ? h->command : hook_argv;
	struct plan	 plan = { .h = h, .cpu = cpu, .theirs = { -1, -1, -1, -1 } };
	struct words	 w;
	int		 ret;

	set_nothing(out);
	if (command[0] == NULL || spawn_setup(NULL) == -1 ||
	    (envp = spawn_env_new(h, tmpdir, env, env_len)) == NULL)
		return -1;
	words_make(&w, h);
	argv = join_arguments((char *[]){ starter_name, verb, w.parent, w.uid, w.gid, w.groups,
	    h->directory, look ? yes : no, command[0] }, 9, command);
	plan.argv = argv;
	plan.envp = envp;
	ret = start_with_pipes(&plan, out);
	spawn_env_free(envp);
	free(argv);
	free(w.groups);
	return ret;
}

int
spawn_look(char *const *paths, struct spawned *out)
{
	char		 verb[] = "look";
	struct plan	 plan = { .cpu = -1, .envp = no_env, .theirs = { -1, -1, -1, -1 } };
	struct words	 w;
	char		**argv;
	int		 ret;

	set_nothing(out);
	if (spawn_setup(NULL) == -1)
		return -1;
	words_make(&w, NULL);
	argv = join_arguments((char *[]){ starter_name, verb, w.parent }, 3, paths);
	plan.argv = argv;
	ret = start_with_pipes(&plan, out);
	free(argv);
	free(w.groups);
	return ret;
}

/* 1 if the note says that the start has failed. */
static int
take_note(struct spawned *sp, const struct starter_note *note, spawn_seen *seen, void *arg)
{
	if (note->kind == STARTER_LOOKED) {
		if (seen != NULL)
			seen(arg, note->index, &note->look);
		return 0;
	}
	sp->error = note->error;
	sp->stage = note->kind == STARTER_EXEC_FAILED ? IPC_STAGE_EXEC : IPC_STAGE_SETUP;
	return 1;
}

int
spawn_status(struct spawned *sp, spawn_seen *seen, void *arg)
{
	struct starter_note	 notes[16];
	ssize_t			 n;
	size_t			 i;

	for (;;) {
		if ((n = read(sp->notes, notes, sizeof(notes))) == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return 0;
		for (i = 0; n > 0 && i < (size_t)n / sizeof(notes[0]); i++)
			if (take_note(sp, &notes[i], seen, arg)) {
				spawn_close(sp);
				return -1;
			}
		if (n > 0)
			continue;
		close_all(&sp->notes, 1);
		return 1;
	}
}

void
spawn_close(struct spawned *sp)
{
	close_all(sp->fds, nitems(sp->fds));
	close_all(&sp->notes, 1);
}

int
spawn(const struct handler_conf *h, const char *tmpdir, enum event_kind ev, const char *env,
    size_t env_len, int cpu, struct spawned *out)
{
	struct mono_wait	 w;
	struct pollfd		 pfd;
	int			 ret, slice;

	if (spawn_begin(h, tmpdir, ev, env, env_len, cpu, 0, out) == -1)
		return -1;
	mono_wait_begin(&w, SPAWN_MS);
	while ((ret = spawn_status(out, NULL, NULL)) == 0 && (slice = mono_wait_slice(&w)) > 0) {
		pfd = (struct pollfd){ .fd = out->notes, .events = POLLIN };
		(void)poll(&pfd, 1, slice);
	}
	if (ret == 1)
		return 0;
	if (ret == 0) {
		out->error = ETIMEDOUT;
		out->stage = IPC_STAGE_EXEC;
	}
	(void)kill(out->pid, SIGKILL);
	while (waitpid(out->pid, NULL, 0) == -1 && errno == EINTR)
		;
	spawn_close(out);
	out->pid = -1;
	return -1;
}
