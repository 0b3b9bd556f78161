/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/proc.c: one process of the handler.
 */
#include "base/compat.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mono.h"
#include "torture/proc.h"
#include "system/runtime.h"
#include "system/spawn.h"
#include "base/xmalloc.h"

#define SLICE_MS	20	/* the longest wait for the pipes */
#define SHORT_MS	1	/* the same while we wait for anything else */
#define MAX_IN		((size_t)64 << 20)
#define MAX_OUT		((size_t)128 << 20)
#define KEEP_ERR	2048
#define PIPE_READ	65536

static void
tell_start(struct torture *t, const struct spawned *sp)
{
	char	 why[300];

	(void)snprintf(why, sizeof(why), "the handler could not be started: %s",
	    strerror(sp->error));
	torture_wrong(&t->report, "start", why, NULL, 0, NULL);
	t->hopeless = 1;
}

struct torture_proc *
torture_proc_start(struct torture *t, enum event_kind ev, const struct buf *env, int pieces)
{
	struct reply_limits	 limits = { .max_line = t->conf->max_reply_line,
	    .max_body = t->conf->max_body, .keep_newlines = t->handler->keep_newlines,
	    .with_id = t->handler->concurrency > 1 };
	struct torture_proc	*p;
	struct spawned		 sp;

	if (spawn(t->handler, t->runtime->tmpdirs[0], ev, (const char *)env->data, env->len, -1,
	    &sp) == -1) {
		tell_start(t, &sp);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->t = t;
	p->pid = sp.pid;
	(void)strlcpy(p->where, "start", sizeof(p->where));
	memcpy(p->fds, sp.fds, sizeof(p->fds));
	p->pieces = pieces;
	buf_init(&p->in, MAX_IN);
	buf_init(&p->out, MAX_OUT);
	buf_init(&p->err, KEEP_ERR * 2);
	p->dec = reply_dec_new(&limits);
	return p;
}

static void
close_pipe(struct torture_proc *p, int i)
{
	if (p->fds[i] != -1)
		(void)close(p->fds[i]);
	p->fds[i] = -1;
}

void
torture_proc_give(struct torture_proc *p, const void *data, size_t len)
{
	buf_drain(&p->in, p->written);
	p->written = 0;
	buf_add(&p->in, data, len);
	p->blocks++;
}

void
torture_proc_close(struct torture_proc *p)
{
	p->closing = 1;
	if (p->written == p->in.len)
		close_pipe(p, 0);
}

size_t
torture_proc_unread(const struct torture_proc *p)
{
	int	 n = 0;

	if (p->fds[0] == -1 || ioctl(p->fds[0], FIONREAD, &n) == -1 || n < 0)
		n = 0;
	return p->in.len - p->written + (size_t)n;
}

/* 1 if something may be written now. */
static int
may_write(const struct torture_proc *p)
{
	if (p->fds[0] == -1 || p->written == p->in.len)
		return 0;
	return !p->pieces || torture_proc_unread(p) == p->in.len - p->written;
}

static void
write_some(struct torture_proc *p)
{
	static const size_t	 sizes[] = { 1, 2, 1, 7, 3, 29, 1, 64, 5 };
	size_t			 n = p->in.len - p->written;
	ssize_t			 done;

	if (p->pieces && n > sizes[p->npieces % nitems(sizes)])
		n = sizes[p->npieces++ % nitems(sizes)];
	done = write(p->fds[0], p->in.data + p->written, n);
	if (done == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The process reads no more, which is not wrong by itself. */
	if (done == -1) {
		p->written = p->in.len;
		close_pipe(p, 0);
		return;
	}
	p->written += (size_t)done;
	if (p->written == p->in.len && p->closing)
		close_pipe(p, 0);
}

static void
keep_err(struct torture_proc *p, const char *bytes, size_t n)
{
	if (n > KEEP_ERR) {
		bytes += n - KEEP_ERR;
		n = KEEP_ERR;
	}
	if (p->err.len > KEEP_ERR)
		buf_drain(&p->err, p->err.len - KEEP_ERR);
	buf_add(&p->err, bytes, n);
}

/* 1 if there were bytes, 0 if there are none for now. */
static int
read_output(struct torture_proc *p, int i)
{
	static char	 bytes[PIPE_READ];
	ssize_t		 n;

	if (p->fds[i] == -1)
		return 0;
	n = read(p->fds[i], bytes, sizeof(bytes));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close_pipe(p, i);
		return 0;
	}
	if (i == 2)
		keep_err(p, bytes, (size_t)n);
	else
		buf_add(&p->out, bytes, (size_t)n);
	return 1;
}

/* Does not reap the process: its number must stay its own until torture_proc_end(). */
static void
look_for_exit(struct torture_proc *p)
{
	siginfo_t	 info;
	int		 i;

	if (p->exited)
		return;
	memset(&info, 0, sizeof(info));
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == -1 ||
	    info.si_pid != p->pid)
		return;
	p->exited = 1;
	p->status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	for (i = 0; i < 64 && read_output(p, 1); i++)
		;
	for (i = 0; i < 64 && read_output(p, 2); i++)
		;
}

static void
wait_for_pipes(struct torture_proc *p, uint64_t until)
{
	struct pollfd	 pfd[3];
	uint64_t	 now = mono_ms(), ms = SLICE_MS;
	struct timespec	 ts;
	int		 i;

	for (i = 0; i < 3; i++) {
		pfd[i].fd = i == 0 && !may_write(p) ? -1 : p->fds[i];
		pfd[i].events = i == 0 ? POLLOUT : POLLIN;
		pfd[i].revents = 0;
	}
	if ((p->pieces && p->written < p->in.len) || p->fds[1] == -1)
		ms = SHORT_MS;
	if (now + ms > until)
		ms = until > now ? until - now : 0;
	ts.tv_sec = 0;
	ts.tv_nsec = (long)ms * 1000000;
	if (ppoll(pfd, 3, &ts, p->t->options->wait_mask) <= 0)
		return;
	if (pfd[0].revents != 0)
		write_some(p);
	for (i = 1; i < 3; i++)
		if (pfd[i].revents != 0)
			(void)read_output(p, i);
}

void
torture_proc_turn(struct torture_proc *p, uint64_t until)
{
	wait_for_pipes(p, until);
	look_for_exit(p);
}

static int
is_stopped(const struct torture_proc *p)
{
	return *p->t->options->stop != 0;
}

void
torture_proc_drain(struct torture_proc *p, uint64_t ms)
{
	uint64_t	 until = mono_ms() + ms;
	struct timespec	 moment = { 0, 200000 };

	while (torture_proc_unread(p) > 0 && !p->exited && !is_stopped(p) &&
	    mono_ms() < until) {
		if (p->written < p->in.len)
			torture_proc_turn(p, mono_ms() + SHORT_MS);
		else
			(void)ppoll(NULL, 0, &moment, p->t->options->wait_mask);
		look_for_exit(p);
	}
}

int
torture_proc_finish(struct torture_proc *p, uint64_t ms)
{
	uint64_t	 until = mono_ms() + ms;

	while (!p->exited && !is_stopped(p) && mono_ms() < until)
		torture_proc_turn(p, mono_ms() + SHORT_MS);
	return p->exited;
}

int
torture_proc_has_more(const struct torture_proc *p)
{
	size_t	 i;

	for (i = p->taken; i < p->out.len; i++)
		if (p->out.data[i] != '\n' && p->out.data[i] != '\r')
			return 1;
	return 0;
}

void
torture_proc_last_words(const struct torture_proc *p, char *line, size_t size)
{
	size_t	 end = p->err.len, start;

	while (end > 0 && (p->err.data[end - 1] == '\n' || p->err.data[end - 1] == '\r'))
		end--;
	for (start = end; start > 0 && p->err.data[start - 1] != '\n'; start--)
		;
	(void)snprintf(line, size, "%.*s", (int)(end - start),
	    end == start ? "" : (const char *)p->err.data + start);
}

void
torture_proc_end(struct torture_proc *p)
{
	int	 i;

	if (p->out.len > 0 || p->err.len > 0 || (p->exited && p->status != 0))
		p->t->said = 1;
	for (i = 0; i < 3; i++)
		close_pipe(p, i);
	/*
	 * Kill the group before the process is reaped: until then nobody else
	 * has its number.
	 */
	(void)kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
		;
	reply_dec_free(p->dec);
	buf_free(&p->in);
	buf_free(&p->out);
	buf_free(&p->err);
	free(p);
}
