/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/numbers.h: what is counted for pipemilterctl(8). Each engine adds to numbers of
 * its own in shared memory (store/board.h); the supervisor adds up those of all engines.
 * Pure. All members of the structures are uint64_t, so that each can be read, bounded and
 * sent as an array.
 */
#ifndef PM_STORE_NUMBERS_H
#define PM_STORE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "milter/event.h"
#include "milter/verdict.h"

#define NUMBERS_BUCKETS	16	/* the last has no bound */
/* No number of an engine counts for more: a histogram of all engines together never wraps around. */
#define NUMBERS_MOST	(UINT64_C(1) << 53)

/* What became of a message. */
enum numbers_message {
	NUMBERS_ACCEPT, NUMBERS_REJECT, NUMBERS_TEMPFAIL, NUMBERS_DISCARD, NUMBERS_SHUTDOWN,
	NUMBERS_ABORTED, NUMBERS_MESSAGES
};
enum numbers_pause {
	NUMBERS_PAUSE_CONNECTIONS, NUMBERS_PAUSE_DESCRIPTORS, NUMBERS_PAUSE_REPORTS, NUMBERS_PAUSES
};
enum numbers_failure {
	NUMBERS_FAILURE, NUMBERS_TIMEOUT, NUMBERS_OVERLOAD, NUMBERS_FAILURES
};
enum numbers_process {
	NUMBERS_STARTING, NUMBERS_IDLE, NUMBERS_BUSY, NUMBERS_ENDING, NUMBERS_PROCESSES
};

/* A histogram of times. Each bucket counts by itself, not with those below it. */
struct numbers_times {
	uint64_t	 us;		/* all times together */
	uint64_t	 buckets[NUMBERS_BUCKETS];
};

struct numbers_engine {
	uint64_t	 messages[NUMBERS_MESSAGES];
	uint64_t	 answers[EV_COUNT][VD_COUNT];	/* refusals that the MTA was told */
	uint64_t	 log_lines_lost;
};

struct numbers_listener {
	uint64_t	 accepted;
	uint64_t	 pauses[NUMBERS_PAUSES];
	uint64_t	 protocol_errors;
};

struct numbers_handler {
	uint64_t	 waits;		/* events that found all processes in use */
	uint64_t	 answers[VD_COUNT];
	uint64_t	 failures[NUMBERS_FAILURES];
	uint64_t	 reports[2];	/* taken, failed */
	uint64_t	 slow;
	uint64_t	 stderr_lines[2];	/* logged, dropped */
	struct numbers_times wait;	/* until a process that runs is given the event */
	struct numbers_times events[EV_COUNT];	/* from then to the answer, or failure */
};

/* What an engine has now: gone when the engine is. */
struct numbers_load {
	uint64_t	 processes[NUMBERS_PROCESSES];
	uint64_t	 waiting;	/* events in the queue */
	uint64_t	 backoff_until;	/* ms of mono_ms(): no start before this; 0: none */
};

#define NUMBERS_OF(s)	(sizeof(s) / sizeof(uint64_t))

/* The upper bound of a bucket in us; UINT64_MAX for the last. */
uint64_t	 numbers_bound(unsigned int bucket);
/* Adds a time to a histogram of this process. */
void		 numbers_add_time(struct numbers_times *, uint64_t us);
/*
 * Adds n numbers, which another process may write at the same time and which need not be
 * true, to sum: none counts for more than NUMBERS_MOST.
 */
void		 numbers_add_all(uint64_t *sum, const uint64_t *, size_t n);
/*
 * The same for sums: each is NUMBERS_MOST at most afterwards. An honest number never comes
 * near that.
 */
void		 numbers_fold(uint64_t *sum, const uint64_t *, size_t n);
/* How many times a histogram has. */
uint64_t	 numbers_count(const struct numbers_times *);

/* Adds to a number that this process alone writes, and others read. */
static inline void
numbers_add(uint64_t *at, uint64_t n)
{
	__atomic_store_n(at, *at + n, __ATOMIC_RELAXED);
}

#endif
