/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/quota.h: whose turn it is. */

#include "base/compat.h"

#include "supervisor/quota.h"
#include "base/mono.h"
#include "tap.h"

static int
has_none(unsigned int engine __unused, uint32_t handler __unused, void *arg __unused)
{
	return 0;
}

static int
has_bit(unsigned int engine, uint32_t handler __unused, void *arg)
{
	return (*(unsigned int *)arg >> engine & 1) != 0;
}

static void
test_freed(void)
{
	struct quota	*q = quota_new(2, 3);

	CHECK(quota_freed(q, 0, 100) == -1 && quota_next(q) == MONO_NEVER,
	    "who wasn't refused isn't told");
	quota_refused(q, 0, 2);
	quota_refused(q, 0, 0);
	quota_refused(q, 0, 0);
	CHECK(quota_freed(q, 1, 100) == -1, "nor of another handler");
	CHECK(quota_freed(q, 0, 100) == 0, "one is told");
	CHECK(quota_next(q) > 100 && quota_next(q) < 1000, "the next has its turn soon");
	CHECK(quota_due(q, 100) == -1 && quota_due(q, quota_next(q)) == 0,
	    "not before, then once");
	CHECK(quota_due(q, MONO_NEVER - 1) == -1, "only once");
	quota_refused(q, 0, 0);
	CHECK(quota_freed(q, 0, 200) == 2, "who was told last has to wait");
	CHECK(quota_freed(q, 0, 300) == 0 && quota_next(q) == MONO_NEVER, "for its turn");
	CHECK(quota_freed(q, 0, 300) == -1, "each is told once");
	quota_free(q);
}

static void
test_gone(void)
{
	struct quota	*q = quota_new(1, 2);

	quota_refused(q, 0, 0);
	quota_engine_gone(q, 0, 100);
	CHECK(quota_freed(q, 0, 100) == -1 && quota_next(q) == MONO_NEVER,
	    "who is gone isn't told");
	quota_refused(q, 0, 0);
	quota_engine_gone(q, 1, 200);
	CHECK(quota_next(q) == 200 && quota_due(q, 200) == 0 && quota_freed(q, 0, 200) == 0,
	    "who waits has what the other one had");
	quota_free(q);
}

static void
test_reclaim(void)
{
	struct quota	*q = quota_new(1, 4);
	unsigned int	 all = 0xf, some = 0x5;

	CHECK(quota_reclaim_from(q, 0, 0, has_none, NULL) == -1, "nobody has any");
	CHECK(quota_reclaim_from(q, 0, 0, has_bit, &all) == 1 &&
	    quota_reclaim_from(q, 0, 0, has_bit, &all) == 2 &&
	    quota_reclaim_from(q, 0, 0, has_bit, &all) == 3 &&
	    quota_reclaim_from(q, 0, 0, has_bit, &all) == 1, "the others in turn, not itself");
	CHECK(quota_reclaim_from(q, 0, 0, has_bit, &some) == 2 &&
	    quota_reclaim_from(q, 0, 0, has_bit, &some) == 2, "those that have any");
	some = 1;
	CHECK(quota_reclaim_from(q, 0, 0, has_bit, &some) == -1, "not from itself");
	quota_free(q);
}

static void
test_grow(void)
{
	struct quota	*q = quota_new(0, 3);

	quota_grow(q, 1);
	quota_refused(q, 0, 1);
	quota_grow(q, 3);
	quota_grow(q, 2);
	quota_refused(q, 2, 0);
	CHECK(quota_freed(q, 0, 100) == 1 && quota_freed(q, 2, 100) == 0 &&
	    quota_freed(q, 1, 100) == -1, "who waits does so when there are more handlers");
	quota_refused(q, 1, 2);
	quota_all_due(q, 200);
	CHECK(quota_due(q, 200) == 1 && quota_due(q, 200) == -1, "all are due whom somebody waits for");
	quota_free(q);
}

int
main(void)
{
	test_freed();
	test_gone();
	test_grow();
	test_reclaim();
	return tap_done();
}
