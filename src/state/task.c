/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/task.c: tasks; some that were freed are kept for the next ones.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "system/ipc_msg.h"
#include "state/task.h"
#include "base/xmalloc.h"

/*
 * Bytes of a block. It holds what the MTA sent in packets, and what handlers have set: up to 64
 * MiB by max-context, with up to four bytes for each when they are escaped.
 */
#define BLOCK_MAX	(512u * 1024 * 1024)

/* Tasks that are kept, and bytes of each buffer that a kept task may have. */
#define MAX_SPARE	64
#define MAX_SPARE_BUF	4096

static struct task_list	 spare = TAILQ_HEAD_INITIALIZER(spare);
static unsigned int	 nspare;
static uint64_t		 last_id;

static struct task *
task_alloc(void)
{
	struct task	*t = xcalloc(1, sizeof(*t));

	buf_init(&t->block, BLOCK_MAX);
	buf_init(&t->env, IPC_MAX_ENV);
	return t;
}

static struct task *
take_spare(void)
{
	struct task	*t = TAILQ_FIRST(&spare);
	struct buf	 block = t->block, env = t->env;

	TAILQ_REMOVE(&spare, t, in_session);
	nspare--;
	memset(t, 0, sizeof(*t));
	t->block = block;
	t->env = env;
	return t;
}

struct task *
task_new(void)
{
	struct task	*t = nspare > 0 ? take_spare() : task_alloc();

	t->id = ++last_id;
	return t;
}

static void
empty_buffer(struct buf *b)
{
	if (b->cap > MAX_SPARE_BUF)
		buf_free(b);
	else
		buf_reset(b);
}

void
task_free(struct task *t)
{
	spool_free(t->spool);
	t->spool = NULL;
	store_release(t->input);
	free(t->received);
	if (nspare < MAX_SPARE) {
		empty_buffer(&t->block);
		empty_buffer(&t->env);
		TAILQ_INSERT_HEAD(&spare, t, in_session);
		nspare++;
		return;
	}
	buf_free(&t->block);
	buf_free(&t->env);
	free(t);
}
