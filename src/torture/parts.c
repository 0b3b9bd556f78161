/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* torture/parts.c: what the parts of milter-send --torture ask about a run. */
#include "base/compat.h"

#include "base/mono.h"
#include "torture/parts.h"

#define MAX_MS		120000	/* after this the rest is not tried */

int
torture_lasts(const struct torture *t)
{
	return t->handler->reuse || t->handler->scope != SCOPE_EVENT;
}

int
torture_is_over(struct torture *t)
{
	if (!t->hopeless && mono_ms() - t->began > MAX_MS) {
		torture_remark(&t->report, "it is slow: after two minutes the rest is not tried");
		t->hopeless = 1;
	}
	return t->hopeless || t->broken || *t->options->stop != 0;
}
