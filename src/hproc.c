/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "exit_status.h"
#include "hproc.h"
#include "log.h"
#include "mono.h"
#include "pool.h"
#include "session.h"
#include "xmalloc.h"

/* Of one read from a handler's pipe: what a pipe of Linux holds. */
#define PIPE_READ	65536

static const char *const stage_names[IPC_STAGE_COUNT] = {
	[IPC_STAGE_PIPE] = "pipe",
	[IPC_STAGE_FORK] = "fork",
	[IPC_STAGE_SETUP] = "set-up",
	[IPC_STAGE_EXEC] = "exec",
};

static void on_timer(evutil_socket_t, short, void *);

static int
hproc_compare(struct hproc *a, struct hproc *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE(hproc_tree, hproc, by_id, hproc_compare)

static void
owe(struct hproc *hp)
{
	if (!hp->is_unsent) {
		TAILQ_INSERT_TAIL(&hp->engine->unsent, hp, unsent);
		hp->is_unsent = 1;
	}
	engine_flush_ipc(hp->engine);
}

static void
set_timer(struct hproc *hp)
{
	struct timeval	 tv;
	uint64_t	 now = mono_ms();

	evtimer_del(&hp->timer);
	if (hp->slot.deadline == 0)
		return;
	tv = engine_timeval(hp->slot.deadline > now ? hp->slot.deadline - now : 0);
	evtimer_add(&hp->timer, &tv);
}

/* The event is deleted before its descriptor is closed: the number is used again. */
static void
close_pipe(struct hproc *hp, int i)
{
	if (hp->fds[i] == -1)
		return;
	event_del(&hp->ev[i]);
	close(hp->fds[i]);
	hp->fds[i] = -1;
}

struct hproc *
hproc_start(struct pool *p, struct task *t)
{
	struct hproc		*hp = xcalloc(1, sizeof(*hp));
	struct reply_limits	 limits = {
		.max_line = p->engine->conf->max_reply_line,
		.max_body = p->engine->conf->max_body,
		.keep_newlines = p->conf->keep_newlines,
	};

	hp->id = ++p->engine->last_id;
	hp->engine = p->engine;
	hp->pool = p;
	hp->task = t;
	hp->event = t->event;
	hp->report = t->report;
	hp->fds[0] = hp->fds[1] = hp->fds[2] = -1;
	strlcpy(hp->ids, t->ids, sizeof(hp->ids));
	TAILQ_INIT(&hp->actions);
	hp->dec = reply_dec_new(&limits);
	slot_init(&hp->slot, mono_ms(), t->timeout);
	evtimer_assign(&hp->timer, p->engine->base, on_timer, hp);
	set_timer(hp);
	t->process = hp->id;
	RB_INSERT(hproc_tree, &p->engine->procs, hp);
	p->engine->nprocs++;
	hp->owes_spawn = 1;
	owe(hp);
	return hp;
}

void
hproc_free(struct hproc *hp)
{
	action_list_clear(&hp->actions);
	reply_dec_free(hp->dec);
	buf_free(&hp->block);
	free(hp);
}

static void
gone(struct hproc *hp)
{
	struct engine	*e = hp->engine;
	int		 i;

	for (i = 0; i < 3; i++)
		close_pipe(hp, i);
	evtimer_del(&hp->timer);
	if (hp->is_unsent)
		TAILQ_REMOVE(&e->unsent, hp, unsent);
	RB_REMOVE(hproc_tree, &e->procs, hp);
	e->nprocs--;
	TAILQ_INSERT_TAIL(&e->dead_procs, hp, dead);
	pool_process_gone(hp->pool);
}

static void
send_signal(struct hproc *hp, int sig)
{
	hp->owes_signal = sig;
	owe(hp);
}

/* Gives the task back with its result; the process goes on to its end alone. */
static void
tell(struct hproc *hp, struct task_result *r)
{
	struct task	*t = hp->task;

	if (t == NULL)
		return;
	hp->task = NULL;
	r->actions = &hp->actions;
	pool_task_done(hp->pool, t, r);
}

static void
tell_timeout(struct hproc *hp)
{
	struct task_result	 r = { .end = TASK_TIMEOUT };
	char			 why[64];

	snprintf(why, sizeof(why), "no %s within timeout (%u ms)",
	    hp->report ? "end" : "answer", hp->slot.timeout);
	r.why = why;
	tell(hp, &r);
}

static void
advance(struct hproc *hp, enum slot_event ev)
{
	int			 answered = hp->slot.state == SLOT_ENDING;
	unsigned int		 todo = slot_event(&hp->slot, ev, mono_ms());

	set_timer(hp);
	if (todo & (SLOT_DO_TERM | SLOT_DO_KILL)) {
		/* Nothing it may still say counts; writing it, it shall notice. */
		close_pipe(hp, 0);
		close_pipe(hp, 1);
		send_signal(hp, todo & SLOT_DO_KILL ? SIGKILL : SIGTERM);
	}
	if (answered && (todo & SLOT_DO_TERM))
		log_msg(LOG_WARNING, hp->ids, "handler %s: %s: it has answered and does not exit",
		    hp->pool->conf->name, event_name(hp->event));
	if (todo & SLOT_DO_TIMEOUT)
		tell_timeout(hp);
}

/* The handler broke a rule: why is for the log. */
static void
fail(struct hproc *hp, const char *why)
{
	struct task_result	 r = { .end = TASK_FAILURE, .why = why };

	advance(hp, SLOT_FAILED);
	tell(hp, &r);
}

void
hproc_abandon(struct hproc *hp)
{
	hp->task = NULL;
	advance(hp, SLOT_FAILED);
}

void
hproc_cancel(struct hproc *hp)
{
	advance(hp, SLOT_NOT_STARTED);
	gone(hp);
}

static void
fail_line(struct hproc *hp, const char *why)
{
	struct buf	 b;
	const char	*line;
	size_t		 i, len;

	buf_init(&b, 1024);
	line = reply_line(hp->dec, &len);
	buf_printf(&b, "%s: \"", why);
	/* All but NUL, which would end the text, is made visible by the log. */
	for (i = 0; i < len; i++)
		buf_add(&b, line[i] == '\0' ? "^@" : &line[i], line[i] == '\0' ? 2 : 1);
	buf_add_str(&b, "\"");
	buf_add_u8(&b, 0);
	fail(hp, (char *)b.data);
	buf_free(&b);
}

/* An action line was read; it is ours to keep or to free. */
static void
take_action(struct hproc *hp, struct action *a)
{
	const char	*why = session_judge(hp->task, a, &hp->actions, hp->nactions);

	hp->nactions++;
	if (why != NULL) {
		action_free(a);
		fail_line(hp, why);
		return;
	}
	if (a->kind == ACT_LOG)
		log_msg(LOG_INFO, hp->ids, "handler %s: %s", hp->pool->conf->name, a->value);
	if (a->kind == ACT_PROGRESS)
		advance(hp, SLOT_PROGRESS);
	if (a->kind == ACT_LOG || a->kind == ACT_PROGRESS)
		action_free(a);
	else
		TAILQ_INSERT_TAIL(&hp->actions, a, entry);
}

static void
take_verdict(struct hproc *hp)
{
	struct task_result	 r = { .end = TASK_REPLY };
	const char		*why;

	r.verdict = reply_verdict(hp->dec);
	r.smtp = *reply_smtp(hp->dec);
	why = session_judge_verdict(hp->task, r.verdict);
	if (why != NULL) {
		fail_line(hp, why);
		return;
	}
	advance(hp, SLOT_ANSWERED);
	tell(hp, &r);
}

/* What comes after the verdict has no effect; empty lines are nothing. */
static void
note_more(struct hproc *hp, const char *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len && (p[i] == '\n' || p[i] == '\r'); i++)
		;
	if (i == len || hp->said_more || hp->slot.state != SLOT_ENDING)
		return;
	hp->said_more = 1;
	log_msg(LOG_WARNING, hp->ids,
	    "handler %s: %s: it goes on behind its verdict: \"%.*s\"; this has no effect",
	    hp->pool->conf->name, event_name(hp->event),
	    (int)(len - i < 200 ? len - i : 200), p + i);
}

/* The output of a report means nothing: its beginning is logged. */
static void
note_report_output(struct hproc *hp, const char *p, size_t len)
{
	if (hp->said_more)
		return;
	hp->said_more = 1;
	log_msg(LOG_WARNING, hp->ids, "handler %s: report %s: output in answer to a report: "
	    "\"%.*s\"", hp->pool->conf->name, event_name(hp->event),
	    (int)(len < 200 ? len : 200), p);
}

static void
take_item(struct hproc *hp, enum reply_item item, struct action *a)
{
	switch (item) {
	case REPLY_ACTION:
		take_action(hp, a);
		break;
	case REPLY_VERDICT:
		take_verdict(hp);
		break;
	case REPLY_ERROR:
		fail_line(hp, reply_why(hp->dec));
		break;
	case REPLY_MORE:
		break;
	}
}

static void
take_output(struct hproc *hp, const char *p, size_t len)
{
	struct action	*a;
	enum reply_item	 item;
	size_t		 used;

	if (hp->report) {
		note_report_output(hp, p, len);
		return;
	}
	while (len > 0 && hp->task != NULL) {
		item = reply_dec_feed(hp->dec, p, len, &used, &a);
		p += used;
		len -= used;
		take_item(hp, item, a);
	}
	if (len > 0)
		note_more(hp, p, len);
}

/* One line of standard error, or a part of one that is too long. */
static void
log_stderr_line(struct hproc *hp)
{
	if (hp->err_len > 0 && pool_may_log(hp->pool, hp->ids))
		log_msg(LOG_WARNING, hp->ids, "handler %s: stderr: %.*s",
		    hp->pool->conf->name, (int)hp->err_len, hp->err_line);
	hp->err_len = 0;
}

static void
take_stderr(struct hproc *hp, const char *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\n')
			log_stderr_line(hp);
		else if (p[i] == '\0')
			hp->err_line[hp->err_len++] = '?';
		else
			hp->err_line[hp->err_len++] = p[i];
		if (hp->err_len == sizeof(hp->err_line))
			log_stderr_line(hp);
	}
}

/* Returns 0 when nothing more is there, or the pipe was closed. */
static int
read_pipe(struct hproc *hp, int i)
{
	static char	 bytes[PIPE_READ];
	ssize_t		 n;

	if (hp->fds[i] == -1)
		return 0;
	n = read(hp->fds[i], bytes, sizeof(bytes));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close_pipe(hp, i);
		return 0;
	}
	if (i == 1)
		take_output(hp, bytes, (size_t)n);
	else
		take_stderr(hp, bytes, (size_t)n);
	return 1;
}

static void
on_read(evutil_socket_t fd, short what __unused, void *arg)
{
	struct hproc	*hp = arg;

	read_pipe(hp, fd == hp->fds[1] ? 1 : 2);
}

/* Not reading what we write is no failure: the rest is dropped. */
static void
on_write(evutil_socket_t fd, short what __unused, void *arg)
{
	struct hproc	*hp = arg;
	ssize_t		 n;

	n = write(fd, hp->block.data + hp->written, hp->block.len - hp->written);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		event_add(&hp->ev[0], NULL);
		return;
	}
	if (n > 0)
		hp->written += (size_t)n;
	if (n == -1 || hp->written == hp->block.len) {
		close_pipe(hp, 0);
		buf_free(&hp->block);
		return;
	}
	event_add(&hp->ev[0], NULL);
}

static void
on_timer(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	advance(arg, SLOT_DEADLINE);
}

void
hproc_started(struct hproc *hp, const int *fds)
{
	struct event_base	*base = hp->engine->base;

	memcpy(hp->fds, fds, sizeof(hp->fds));
	event_assign(&hp->ev[0], base, fds[0], EV_WRITE, on_write, hp);
	event_assign(&hp->ev[1], base, fds[1], EV_READ | EV_PERSIST, on_read, hp);
	event_assign(&hp->ev[2], base, fds[2], EV_READ | EV_PERSIST, on_read, hp);
	if (hp->task != NULL) {
		hp->block = hp->task->block;
		buf_init(&hp->task->block, 0);
		hp->task->session->task_bytes -= hp->block.len;
	}
	event_add(&hp->ev[1], NULL);
	event_add(&hp->ev[2], NULL);
	advance(hp, SLOT_STARTED);
	if (hp->fds[0] != -1)
		on_write(hp->fds[0], EV_WRITE, hp);
}

void
hproc_not_started(struct hproc *hp, int error, enum ipc_stage stage)
{
	const struct handler_conf	*h = hp->pool->conf;
	struct task_result		 r = { .end = TASK_FAILURE };
	char				 why[1024];

	snprintf(why, sizeof(why), "%s could not be started (%s: %s)",
	    h->command != NULL ? h->command[0] : h->hook_path[hp->event],
	    stage_names[stage], strerror(error));
	r.why = why;
	advance(hp, SLOT_NOT_STARTED);
	tell(hp, &r);
	gone(hp);
}

void
hproc_lost(struct hproc *hp)
{
	struct task_result	 r = { .end = TASK_FAILURE, .why = "too few file descriptors" };

	advance(hp, SLOT_STARTED);
	if (hp->slot.state == SLOT_ASKED)
		advance(hp, SLOT_FAILED);
	tell(hp, &r);
}

static void
judge_exit(struct hproc *hp, int status)
{
	struct task_result	 r = { .end = TASK_REPLY };
	char			 why[EXIT_WHY];

	if (!hp->report)
		exit_status_verdict(hp->pool->conf, status, &r, why);
	else {
		exit_status_report(status, &r, why);
		if (r.end == TASK_REPORTED && status != 0)
			log_msg(LOG_WARNING, hp->ids, "handler %s: report %s: exit status %d",
			    hp->pool->conf->name, event_name(hp->event), WEXITSTATUS(status));
	}
	tell(hp, &r);
}

/* The last line needs no line feed if the process ended well. */
static void
read_last_line(struct hproc *hp, int status)
{
	struct action	*a = NULL;
	enum reply_item	 item;

	if (hp->task == NULL || hp->report || status != 0)
		return;
	item = reply_dec_eof(hp->dec, &a);
	take_item(hp, item, a);
}

void
hproc_exited(struct hproc *hp, int status)
{
	int	 i;

	/*
	 * What it wrote before it exited is in the pipes. A grandchild that
	 * still writes could go on for ever: so not until the end of file.
	 */
	for (i = 0; i < 64 && read_pipe(hp, 1); i++)
		;
	for (i = 0; i < 64 && read_pipe(hp, 2); i++)
		;
	log_stderr_line(hp);
	pool_log_dropped(hp->pool, hp->ids);
	read_last_line(hp, status);
	log_msg(LOG_DEBUG, hp->ids, "handler %s: %s: process ended, wait status %d",
	    hp->pool->conf->name, event_name(hp->event), status);
	advance(hp, SLOT_EXITED);
	judge_exit(hp, status);
	gone(hp);
}
