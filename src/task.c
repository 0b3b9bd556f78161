/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdlib.h>

#include "ipc_msg.h"
#include "task.h"
#include "xmalloc.h"

/*
 * A block holds what the MTA sent in packets and what handlers have set, of
 * which max-context may allow 64 MiB, with four bytes for one.
 */
#define BLOCK_MAX	(512u * 1024 * 1024)

struct task *
task_new(void)
{
	struct task	*t = xcalloc(1, sizeof(*t));

	buf_init(&t->block, BLOCK_MAX);
	buf_init(&t->env, IPC_MAX_ENV);
	return t;
}

void
task_free(struct task *t)
{
	buf_free(&t->block);
	buf_free(&t->env);
	free(t);
}
