/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/hproc_write.c: what a handler process is given, on its way into the pipe.
 */
#include "base/compat.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <unistd.h>

#include "engine/hproc_int.h"
#include "base/log.h"
#include "engine/pool.h"

/* Bytes that may wait for a process to read them before it is given no more. */
#define OUT_HIGH	(128 * 1024)
/* A block that long is moved instead of copied. */
#define OUT_MOVE	4096
/* Bytes of a message that are converted at a time; with one more they fit OUT_SPARE. */
#define PIECE	(64 * 1024 - 1)
/* Memory that has grown that far is kept for whatever process is next. */
#define OUT_SPARE	(64 * 1024)

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

/* A process at rest shall own no large memory. */
static void
give_back(struct hproc *hp)
{
	if (hp->out.cap <= OUT_MOVE)
		buf_reset(&hp->out);
	else
		buf_lend(&hp->out, &hp->engine->spare, OUT_SPARE);
}

void
hproc_put(struct hproc *hp, struct task *t)
{
	struct buf	 moved;

	hp->told = t->report != 0;
	t->given_at = hp->given;
	hp->given += t->block.len;
	if (hp->out.len == 0 && t->block.len >= OUT_MOVE) {
		moved = t->block;
		t->block = hp->out;
		hp->out = moved;
		hp->out.max = HPROC_OUT_MAX;
		t->session->task_bytes -= moved.len;
	} else {
		buf_borrow(&hp->out, &hp->engine->spare);
		buf_add(&hp->out, t->block.data, t->block.len);
	}
	if (t->input != NULL) {
		hp->input = store_hold(t->input);
		hp->input_at = 0;
		newline_init(&hp->input_lf);
		hp->may_return += 2 * (t->block.len + store_len(t->input));
	}
	if (!hp->is_dirty)
		TAILQ_INSERT_TAIL(&hp->engine->dirty, hp, dirty);
	hp->is_dirty = 1;
	/* One process, one scope: nothing comes behind this. */
	if (t->ends && !hp->pool->conf->reuse)
		hp->finished = 1;
}

static void
write_later(struct hproc *hp)
{
	hp->stuck_due = engine_now(hp->engine) + hp->pool->conf->timeout;
	hproc_add_deadline(hp, hp->stuck_due);
	event_add(&hp->ev[0], NULL);
	pool_available(hp->pool, hp);
}

/* The next piece of its message, converted, once the one before is written. */
static void
take_piece(struct hproc *hp)
{
	const unsigned char	*p;
	size_t			 n;

	if (hp->input == NULL || hp->out.len > 0)
		return;
	/* It was whole when the task was made, and nobody adds to it since. */
	if ((p = store_bytes(hp->input)) == NULL)
		fatalx("a message that a process reads is gone");
	n = store_len(hp->input) - hp->input_at;
	n = n > PIECE ? PIECE : n;
	buf_borrow(&hp->out, &hp->engine->spare);
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
		write_later(hp);
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
	/* Its last block was followed by the end of the file: it counts as seen. */
	if (hp->fds[0] == -1)
		return hp->given;
	if (ioctl(hp->fds[0], FIONREAD, &unread) == -1 || unread < 0)
		return hp->given;
	return hp->given - (hp->out.len - hp->written) - (uint64_t)unread;
}

/* It does not read any more. Not reading what we write is no failure of an event. */
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

void
hproc_flush(struct hproc *hp)
{
	ssize_t	 n;

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
		write_later(hp);
	else
		stdin_lost(hp);
}

void
hproc_on_write(evutil_socket_t fd __unused, short what __unused, void *arg)
{
	hproc_flush(arg);
}
