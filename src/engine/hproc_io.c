/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc_io.c: the three pipes of a handler process: blocks go in, replies or
 * messages and standard error come out.
 */
#include "base/compat.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/memory.h"
#include "base/mono.h"
#include "engine/hproc_private.h"
#include "engine/pool.h"

/* Bytes that may wait for a process to read them before it is given no more. */
#define OUT_HIGH	(128 * 1024)
/* A block of this many bytes is moved, not copied. */
#define OUT_MOVE	4096
/* Bytes of a message converted at a time. With one more byte they fit OUT_SPARE. */
#define PIECE	(64 * 1024 - 1)
/* Memory of up to this size is kept for the next buffer that needs some. */
#define OUT_SPARE	(64 * 1024)
/* Bytes of one read from a process: what a pipe of Linux holds. */
#define PIPE_READ	65536
/* Bytes of an unfinished action that are taken even where memory is short. */
#define REPLY_SMALL	4096

/* Deletes the event before it closes the descriptor, since its number is used again. */
void
hproc_close_pipe(struct hproc *hp, int i)
{
	if (hp->fds[i] == -1)
		return;
	event_del(&hp->ev[i]);
	close(hp->fds[i]);
	hp->fds[i] = -1;
	if (i == 0)
		hproc_forget_output(hp);
}

void
hproc_forget_output(struct hproc *hp)
{
	buf_free(&hp->out);
	store_release(hp->input);
	hp->input = NULL;
	hp->written = 0;
	hp->stuck_due = 0;
}

int
hproc_is_full(const struct hproc *hp)
{
	return hp->out.len - hp->written >= OUT_HIGH;
}

/* A process at rest owns no large memory. */
static void
give_back(struct hproc *hp)
{
	if (hp->out.cap <= OUT_MOVE)
		buf_reset(&hp->out);
	else
		buf_lend(&hp->out, &hp->engine->idle_mem, OUT_SPARE);
}

void
hproc_put(struct hproc *hp, struct task *t)
{
	struct buf	 moved;

	hp->told = t->report != 0;
	t->run.given = mono_us();
	t->run.given_at = hp->given;
	hp->given += t->block.len;
	if (hp->out.len == 0 && t->block.len >= OUT_MOVE && buf_ok(&t->block)) {
		moved = t->block;
		t->block = hp->out;
		/* Tasks are used again: the maximum stays with the task. */
		t->block.max = moved.max;
		hp->out = moved;
		hp->out.max = HPROC_OUT_MAX;
		session_recount_task(t);
	} else {
		buf_borrow(&hp->out, &hp->engine->idle_mem);
		buf_add(&hp->out, t->block.data, t->block.len);
	}
	/* write_block() ends a process that can't be given a whole block. */
	if (!buf_ok(&t->block) || !buf_ok(&t->env) || !buf_ok(&hp->out))
		hp->unsaid = 1;
	if (t->input != NULL) {
		hp->input = store_hold(t->input);
		hp->input_at = 0;
		newline_init(&hp->input_lf);
		hp->may_return += 2 * (t->block.len + store_len(t->input));
	}
	if (!hp->is_dirty)
		TAILQ_INSERT_TAIL(&hp->engine->dirty, hp, dirty);
	hp->is_dirty = 1;
	/* A process for one scope gets nothing after the scope's last task. */
	if (t->ends && !hp->pool->conf->reuse)
		hp->finished = 1;
}

static void
write_block_later(struct hproc *hp)
{
	hp->stuck_due = engine_now(hp->engine) + hp->pool->conf->timeout;
	hproc_add_deadline(hp, hp->stuck_due);
	event_add(&hp->ev[0], NULL);
	pool_available(hp->pool, hp);
}

/* Converts the next piece of the message once the piece before it is written. */
static void
take_piece(struct hproc *hp)
{
	const unsigned char	*p;
	size_t			 n;

	if (hp->input == NULL || hp->out.len > 0)
		return;
	/* The message was complete when the task was made, and nobody adds to it. */
	if ((p = store_bytes(hp->input)) == NULL) {
		log_bug(hp->ids, "handler %s: a message that a process reads is gone: %s",
		    hp->pool->conf->name, store_error(hp->input));
		hproc_fail(hp, TASK_FAILURE, "pipemilter has lost the message");
		return;
	}
	n = store_len(hp->input) - hp->input_at;
	n = n > PIECE ? PIECE : n;
	buf_borrow(&hp->out, &hp->engine->idle_mem);
	if (hp->pool->conf->keep_newlines)
		buf_add(&hp->out, p + hp->input_at, n);
	else
		newline_to_lf(&hp->input_lf, p + hp->input_at, n, &hp->out);
	hp->input_at += n;
	if (hp->input_at == store_len(hp->input)) {
		newline_flush(&hp->input_lf, &hp->out);
		store_release(hp->input);
		hp->input = NULL;
	}
	hp->given += hp->out.len;
}

static void
all_written(struct hproc *hp)
{
	int	 was_full = hp->was_full;

	give_back(hp);
	hp->written = 0;
	hp->stuck_due = 0;
	if (hp->input != NULL) {
		write_block_later(hp);
		return;
	}
	hp->was_full = 0;
	if (hp->finished)
		hproc_close_pipe(hp, 0);
	if (was_full)
		pool_drained(hp->pool, hp);
}

uint64_t
hproc_bytes_seen(const struct hproc *hp)
{
	int	 unread = 0;

	if (hp->stdin_lost)
		return hp->seen;
	/* Its last block was followed by the end of file: all counts as read. */
	if (hp->fds[0] == -1)
		return hp->given;
	if (ioctl(hp->fds[0], FIONREAD, &unread) == -1 || unread < 0)
		return hp->given;
	return hp->given - (hp->out.len - hp->written) - (uint64_t)unread;
}

/* The process has closed its standard input. That alone fails no event. */
static void
stdin_lost(struct hproc *hp)
{
	int	 was_full = hp->was_full;

	hp->seen = hproc_bytes_seen(hp);
	hp->stdin_lost = 1;
	hproc_close_pipe(hp, 0);
	hproc_forget_output(hp);
	hp->was_full = 0;
	hproc_settle(hp);
	if (was_full)
		pool_drained(hp->pool, hp);
}

static void
write_block(struct hproc *hp)
{
	ssize_t	 n;

	if (hp->unsaid && hp->slot.state == SLOT_LIVE) {
		hproc_fail(hp, TASK_OVERLOAD, "not enough memory for what it is to be told");
		return;
	}
	take_piece(hp);
	if (hp->fds[0] == -1 || hp->out.len == 0) {
		hproc_forget_output(hp);
		return;
	}
	n = write(hp->fds[0], hp->out.data + hp->written, hp->out.len - hp->written);
	if (n > 0)
		hp->written += (size_t)n;
	if (hp->written == hp->out.len)
		all_written(hp);
	else if (n >= 0 || errno == EAGAIN || errno == EINTR)
		write_block_later(hp);
	else
		stdin_lost(hp);
}

void
hproc_flush_all(struct engine *e)
{
	struct hproc	*hp;

	while ((hp = TAILQ_FIRST(&e->dirty)) != NULL) {
		TAILQ_REMOVE(&e->dirty, hp, dirty);
		hp->is_dirty = 0;
		write_block(hp);
	}
}

static void
on_stdin_ready(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	write_block(arg);
}

/* 1 if it seems to write a message where a reply belongs: the first word is no keyword. */
static int
looks_like_message(const struct hproc *hp)
{
	enum reply_fault	 fault = reply_fault(hp->dec);

	return hp->pool->conf->input_message &&
	    (fault == REPLY_FAULT_KEYWORD || fault == REPLY_FAULT_SPELLING);
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
	/* The log makes all bytes visible except NUL, which would end the text. */
	for (i = 0; i < len; i++)
		buf_add(&b, line[i] == '\0' ? "^@" : &line[i], line[i] == '\0' ? 2 : 1);
	buf_add_str(&b, "\"");
	if (looks_like_message(hp))
		buf_add_str(&b, "; does it return the message (`output = message')?");
	buf_add_u8(&b, 0);
	hproc_fail(hp, TASK_FAILURE, (char *)b.data);
	buf_free(&b);
}

/* The task that is being answered now; NULL: none. */
static struct task *
current(const struct hproc *hp)
{
	if (hp->pool->conf->concurrency > 1)
		return hp->answering;
	return TAILQ_FIRST(&hp->asked);
}

static void
take_id(struct hproc *hp)
{
	struct task	*t;

	TAILQ_FOREACH(t, &hp->asked, entry)
		if (t->id == reply_id(hp->dec) && !t->report)
			break;
	hp->answering = t;
	if (t == NULL)
		hproc_fail(hp, TASK_FAILURE, "it answers an event-id that it was not asked");
}

/*
 * Memory is short, and the reply to a task brings more data. The message is refused; t may be
 * NULL.
 */
static void
fail_short(struct hproc *hp, struct task *t)
{
	if (t != NULL && t->session != NULL && !t->shadow && !t->report)
		session_shed(t->session);
	hproc_fail(hp, TASK_OVERLOAD, "not enough memory for what it writes");
}

/* Takes an action that was read, to keep or to free. */
static void
take_action_line(struct hproc *hp, struct task *t, struct action *a)
{
	const char	*why;

	/* A detached task: nobody wants the action. */
	if (t->session == NULL) {
		action_free(a);
		return;
	}
	if (memory_is_short()) {
		action_free(a);
		fail_short(hp, t);
		return;
	}
	why = session_judge(t, a, &hp->actions, hp->nactions++);
	if (why != NULL) {
		action_free(a);
		fail_line(hp, why);
		return;
	}
	if (a->kind == ACT_LOG)
		log_msg(LOG_INFO, t->ids, "handler %s: %s", hp->pool->conf->name, a->value);
	if (a->kind == ACT_PROGRESS)
		hproc_progress(hp, t);
	if (a->kind == ACT_LOG || a->kind == ACT_PROGRESS)
		action_free(a);
	else
		TAILQ_INSERT_TAIL(&hp->actions, a, entry);
}

/* Empty lines between replies have no meaning. */
static int
is_only_newlines(const char *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len && (p[i] == '\n' || p[i] == '\r'); i++)
		;
	return i == len;
}

/*
 * Ends a process that wrote without being asked: its next event would be
 * answered by that. t, if not NULL, was answered well before, with r.
 */
static void
end_stray(struct hproc *hp, struct task *t, struct task_result *r, const char *p, size_t len)
{
	char	 why[320];

	snprintf(why, sizeof(why), "it writes where nothing was asked: \"%.*s\"",
	    (int)(len < 200 ? len : 200), p);
	log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, hp->ids,
	    "handler %s: %s: %s; the process is ended",
	    hp->pool->conf->name, event_name(hp->event), why);
	if (t != NULL)
		hproc_tell_last(hp, t, r, why);
	else
		hproc_fail(hp, TASK_FAILURE, why);
}

static int
serves_again(const struct hproc *hp, const struct task *t)
{
	return hp->pool->conf->concurrency == 1 && (hp->pool->conf->reuse || !t->ends) &&
	    TAILQ_NEXT(t, entry) == NULL;
}

/* p: what it wrote after the verdict, as far as it was read. */
static void
take_verdict_line(struct hproc *hp, struct task *t, const char *p, size_t len)
{
	struct task_result	 r = { .end = TASK_REPLY };
	const char		*why = NULL;
	int			 stray;

	if (t->session != NULL)
		why = session_verdict_problem(t, reply_verdict(hp->dec));
	if (why != NULL) {
		fail_line(hp, why);
		return;
	}
	stray = serves_again(hp, t) && !is_only_newlines(p, len);
	r.verdict = reply_verdict(hp->dec);
	smtp_reply_copy(&r.smtp, reply_smtp(hp->dec));
	reply_dec_next(hp->dec);
	hp->answering = NULL;
	hp->proved = 1;
	hp->pool->backoff = 0;
	if (stray)
		end_stray(hp, t, &r, p, len);
	else
		hproc_tell(hp, t, &r);
	smtp_reply_free(&r.smtp);
}

/* Output after the verdict has no effect if the process serves nobody else. */
static void
note_more(struct hproc *hp, const char *p, size_t len)
{
	if (is_only_newlines(p, len) || hp->said_more || (hp->slot.state != SLOT_ENDING &&
	    hp->slot.state != SLOT_LIVE))
		return;
	hp->said_more = 1;
	log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, hp->ids,
	    "handler %s: %s: it goes on after its verdict: \"%.*s\"; this has no effect",
	    hp->pool->conf->name, event_name(hp->event), (int)(len < 200 ? len : 200), p);
}

/* Output in answer to a report has no effect: its beginning is logged once. */
static void
note_report_output(struct hproc *hp, const char *p, size_t len)
{
	if (hp->said_more)
		return;
	hp->said_more = 1;
	log_limited(hp->pool->conf->name, "failures of handler", LOG_WARNING, hp->ids,
	    "handler %s: report %s: output in answer to a report: "
	    "\"%.*s\"", hp->pool->conf->name, event_name(hp->event),
	    (int)(len < 200 ? len : 200), p);
}

static void
take_reply_item(struct hproc *hp, struct task *t, enum reply_item item, struct action *a,
    const char *rest, size_t len)
{
	switch (item) {
	case REPLY_ID:
		take_id(hp);
		break;
	case REPLY_ACTION:
		take_action_line(hp, t, a);
		break;
	case REPLY_VERDICT:
		take_verdict_line(hp, t, rest, len);
		break;
	case REPLY_ERROR:
		if (reply_fault(hp->dec) == REPLY_FAULT_MEMORY)
			fail_short(hp, t);
		else
			fail_line(hp, reply_why(hp->dec));
		break;
	case REPLY_MORE:
		if (reply_dec_pending(hp->dec) > REPLY_SMALL && memory_is_short())
			fail_short(hp, t);
		break;
	}
}

/* Output while the process has no task. After its last task that is only noted. */
static void
take_idle(struct hproc *hp, const char *p, size_t len)
{
	if (is_only_newlines(p, len))
		return;
	if (hp->slot.state == SLOT_LIVE && (!hp->finished || hp->told))
		end_stray(hp, NULL, NULL, p, len);
	else
		note_more(hp, p, len);
}

/* Messages are kept with CRLF, so that is what lines get. */
static void
add_to_output(struct hproc *hp, const char *p, size_t len)
{
	struct buf	 b;

	if (hp->output == NULL)
		hp->output = store_new();
	if (hp->pool->conf->keep_newlines) {
		store_add(hp->output, p, len);
		return;
	}
	buf_init(&b, 2 * PIPE_READ);
	buf_borrow(&b, &hp->engine->idle_mem);
	newline_to_crlf(&hp->output_crlf, p, len, &b);
	store_add(hp->output, b.data, b.len);
	buf_lend(&b, &hp->engine->idle_mem, PIPE_READ);
}

/* output = message: collects what it returns. Its exit status decides whether that counts. */
static void
collect_message(struct hproc *hp, const char *p, size_t len)
{
	if (hp->slot.state != SLOT_LIVE)
		return;
	if (memory_is_short()) {
		fail_short(hp, TAILQ_FIRST(&hp->asked));
		return;
	}
	if (len > hp->may_return - hp->returned) {
		hproc_fail(hp, TASK_FAILURE, "it returned more than twice the message and 1M");
		return;
	}
	hp->returned += len;
	add_to_output(hp, p, len);
	if (store_error(hp->output) != NULL)
		hproc_fail(hp, TASK_OVERLOAD, store_error(hp->output));
}

static void
take_output(struct hproc *hp, const char *p, size_t len)
{
	struct task	*t;
	struct action	*a;
	enum reply_item	 item;
	size_t		 used;

	if (hp->pool->conf->output == OUTPUT_NONE)
		return;
	if (hp->pool->conf->output == OUTPUT_MESSAGE) {
		collect_message(hp, p, len);
		return;
	}
	while (len > 0) {
		t = current(hp);
		if (hp->slot.state != SLOT_LIVE || TAILQ_EMPTY(&hp->asked)) {
			take_idle(hp, p, len);
			return;
		}
		if (t != NULL && t->report) {
			note_report_output(hp, p, len);
			return;
		}
		item = reply_dec_feed(hp->dec, p, len, &used, &a);
		p += used;
		len -= used;
		take_reply_item(hp, t, item, a, p, len);
	}
}

/* Logs a line of standard error, or a part of one that is too long. */
static void
log_stderr_line(struct hproc *hp)
{
	int	 n = (int)hp->err_len;

	if (n > 0 && pool_may_log(hp->pool, hp->ids))
		log_msg(LOG_WARNING, hp->ids, "handler %s: stderr: %.*s", hp->pool->conf->name,
		    n, hp->err_line);
	if (n > 0)
		snprintf(hp->last_words, sizeof(hp->last_words), "%.*s", n, hp->err_line);
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

/* Returns 0 if nothing more is there, or the pipe was closed. */
static int
read_from_pipe(struct hproc *hp, int i)
{
	static char	 bytes[PIPE_READ];
	ssize_t		 n;

	if (hp->fds[i] == -1)
		return 0;
	n = read(hp->fds[i], bytes, sizeof(bytes));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		hproc_close_pipe(hp, i);
		return 0;
	}
	memory_took((size_t)n);
	if (i == 1)
		take_output(hp, bytes, (size_t)n);
	else
		take_stderr(hp, bytes, (size_t)n);
	return 1;
}

static void
on_output(evutil_socket_t fd, short what __unused, void *arg)
{
	struct hproc	*hp = arg;

	if (fd == hp->fds[2])
		read_from_pipe(hp, 2);
	/* Without its standard output it can't serve another scope. */
	else if (!read_from_pipe(hp, 1) && hp->fds[1] == -1)
		hproc_settle(hp);
}

/* The last line needs no line feed if the process ended well. */
static void
read_last_line(struct hproc *hp)
{
	struct task	*t = current(hp);
	struct action	*a = NULL;
	enum reply_item	 item;

	if (t == NULL || t->report || hp->slot.state != SLOT_LIVE)
		return;
	item = reply_dec_eof(hp->dec, &a);
	take_reply_item(hp, t, item, a, NULL, 0);
}

void
hproc_read_rest(struct hproc *hp, int status)
{
	int	 i;

	/*
	 * All that it wrote before its exit is in the pipes now. Do not read to
	 * the end of file: a grandchild that has the pipe could write forever.
	 */
	for (i = 0; i < 64 && read_from_pipe(hp, 2); i++)
		;
	log_stderr_line(hp);
	for (i = 0; i < 64 && read_from_pipe(hp, 1); i++)
		;
	pool_log_dropped(hp->pool, hp->ids);
	if (status == 0)
		read_last_line(hp);
}

void
hproc_open_pipes(struct hproc *hp, const int *fds)
{
	struct event_base	*base = hp->engine->base;
	int			 i;

	memcpy(hp->fds, fds, sizeof(hp->fds));
	event_assign(&hp->ev[0], base, fds[0], EV_WRITE, on_stdin_ready, hp);
	for (i = 1; i < 3; i++) {
		event_assign(&hp->ev[i], base, fds[i], EV_READ | EV_PERSIST, on_output, hp);
		event_add(&hp->ev[i], NULL);
	}
}
