/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/numbers.c: histograms, and sums of what engines count.
 */
#include "base/compat.h"

#include "store/numbers.h"

static const uint64_t bounds[NUMBERS_BUCKETS] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
	5000000, 10000000, 30000000, 120000000, UINT64_MAX
};

uint64_t
numbers_bound(unsigned int bucket)
{
	return bounds[bucket];
}

void
numbers_add_time(struct numbers_times *t, uint64_t us)
{
	unsigned int	 i = 0;

	while (us > bounds[i])
		i++;
	numbers_add(&t->buckets[i], 1);
	numbers_add(&t->us, us);
}

void
numbers_add_all(uint64_t *sum, const uint64_t *from, size_t n)
{
	uint64_t	 value;
	size_t		 i;

	for (i = 0; i < n; i++) {
		value = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
		sum[i] += value < NUMBERS_MOST ? value : NUMBERS_MOST;
	}
}

void
numbers_fold(uint64_t *sum, const uint64_t *from, size_t n)
{
	size_t	 i;

	numbers_add_all(sum, from, n);
	for (i = 0; i < n; i++)
		if (sum[i] > NUMBERS_MOST)
			sum[i] = NUMBERS_MOST;
}

uint64_t
numbers_count(const struct numbers_times *t)
{
	uint64_t	 n = 0;
	unsigned int	 i;

	for (i = 0; i < NUMBERS_BUCKETS; i++)
		n += t->buckets[i];
	return n;
}
