/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * fuzz/fuzz.h: what the fuzzers share: the end of a run in which a property does
 * not hold, and an input that is read byte by byte.
 */
#ifndef PM_FUZZ_H
#define PM_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer keeps the input of a process that aborts. */
#define CHECK(what)							\
	do {								\
		if (!(what)) {						\
			fprintf(stderr, "broken: %s\n", #what);		\
			abort();					\
		}							\
	} while (0)

struct input {
	const uint8_t	*p;
	size_t		 left;
};

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The next byte, 0 at the end. */
static inline unsigned int
take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/* All that is left, in memory of exactly that size and a NUL; free(3) it. */
static inline char *
take_rest(struct input *in, size_t *len)
{
	char	*copy = malloc(in->left + 1);

	CHECK(copy != NULL);
	if (in->left > 0)
		memcpy(copy, in->p, in->left);
	copy[in->left] = '\0';
	*len = in->left;
	in->left = 0;
	return copy;
}

/* A copy without a NUL behind it, so that a read beyond its end is seen. */
static inline void *
exact_copy(const void *p, size_t len)
{
	void	*copy = malloc(len == 0 ? 1 : len);

	CHECK(copy != NULL);
	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

#endif
