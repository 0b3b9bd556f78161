/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/loop.c: the clock of the event loop, and whether descriptors are left.
 */
#include "engine/loop.h"

#include "base/mono.h"

uint64_t
engine_now(struct engine *e)
{
	if (e->now == 0)
		e->now = mono_ms();
	return e->now;
}

int
engine_has_room(const struct engine *e)
{
	return conf_fds(e->conf, ((uint64_t)e->nconns + 1) * e->fds_a_conn,
	    (uint64_t)e->nprocs + 1) <= e->max_fds;
}
