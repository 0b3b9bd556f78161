/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/memory.c: how much this process has allocated, and the bound of that.
 */
#include "base/compat.h"

#include <sys/resource.h>

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/mono.h"

#define MIB		((uint64_t)1024 * 1024)

/* For allocations that can't fail, when the system has no more. */
#define RESERVE		(4 * MIB)
/* What the limits of the process leave is also used by holes between allocations, and stacks. */
#define MARGIN		(8 * MIB)
/* Address space that is taken, where the system does not tell. */
#define TAKEN		(64 * MIB)
#define LEAST		(4 * MIB)

/* Bytes that come before the next look, at least; and ms, while memory is short. */
#define LOOK_BYTES	(256 * 1024)
#define LOOK_MS		100
/* Allocations from this size on go back to the system when they are freed. */
#define OWN_MAPPING	(1024 * 1024)

static int	 limited;	/* memory_limit() was called */
static uint64_t	 bound;		/* 0: only a failed allocation counts */
static uint64_t	 used;		/* at the last look */
static uint64_t	 took;		/* since then */
static uint64_t	 looked;	/* ms: when that was */
static void	*reserve;

/* 0: the system does not tell. */
static uint64_t
allocated(void)
{
#ifdef HAVE_MALLINFO2
	struct mallinfo2	 info = mallinfo2();

	return (uint64_t)info.uordblks + info.hblkhd;
#else
	return 0;
#endif
}

static void
look(void)
{
	if (reserve == NULL)
		reserve = malloc(RESERVE);
	used = allocated();
	took = 0;
	looked = mono_ms();
}

/* Far from the bound a look is rare: most of what comes is freed soon. */
static int
is_look_due(void)
{
	uint64_t	 left = used < bound ? bound - used : 0;

	if (reserve == NULL || used >= bound - bound / 8)
		return took >= LOOK_BYTES || mono_ms() - looked >= LOOK_MS;
	return took >= LOOK_BYTES && took >= left / 16;
}

void
memory_took(size_t n)
{
	took += n;
}

void
memory_freed(void)
{
	looked = 0;
	took = LOOK_BYTES;
}

int
memory_is_short(void)
{
	if (!limited)
		return 0;
	if (is_look_due())
		look();
	return reserve == NULL || (bound != 0 && used >= bound - bound / 8);
}

int
memory_has_room(size_t n)
{
	if (!limited)
		return 1;
	if (reserve != NULL && (bound == 0 || (n <= bound && used + took <= bound - n)))
		return 1;
	look();
	return reserve != NULL && (bound == 0 || (n <= bound && used <= bound - n));
}

void *
memory_grow(void *p, size_t old, size_t new)
{
	void	*q;

	if (!memory_has_room(new - old))
		return NULL;
	if ((q = realloc(p, new)) == NULL) {
		if (!limited)
			fatalx("out of memory (%zu bytes)", new);
		return NULL;
	}
	took += new - old;
	return q;
}

int
memory_use_reserve(void)
{
	if (reserve == NULL)
		return 0;
	free(reserve);
	reserve = NULL;
	looked = mono_ms();
	return 1;
}

/*
 * Bytes of address space, or of private memory that may be written, that the process
 * has now (proc_pid_statm(5): the first and the sixth number, in pages).
 */
static uint64_t
taken(int data)
{
	unsigned long	 size = 0, writable = 0;
	char		 text[256];
	ssize_t		 n = -1;
	int		 fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd != -1) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return TAKEN;
	text[n] = '\0';
	if (sscanf(text, "%lu %*u %*u %*u %*u %lu", &size, &writable) != 2)
		return TAKEN;
	return (uint64_t)(data ? writable : size) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What a limit of the process leaves it to allocate, with what it has allocated already. */
static uint64_t
left_by(const struct rlimit *rl, int data)
{
	uint64_t	 need = taken(data) + MARGIN;

	if (rl->rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return (rl->rlim_cur > need ? rl->rlim_cur - need : 0) + used;
}

static void
apply_limits(void)
{
	struct rlimit	 all, heap;
	uint64_t	 space, data, least;

	if (getrlimit(RLIMIT_AS, &all) == -1 || getrlimit(RLIMIT_DATA, &heap) == -1)
		return;
	space = left_by(&all, 0);
	data = left_by(&heap, 1);
	least = space < data ? space : data;
	if (least >= bound)
		return;
	log_msg(LOG_INFO, NULL, "memory: %llu MB instead of %llu MB, since a limit of the process "
	    "leaves no more", (unsigned long long)(least / MIB), (unsigned long long)(bound / MIB));
	bound = least < LEAST ? LEAST : least;
}

void
memory_limit(uint64_t bytes)
{
	limited = 1;
	bound = bytes;
	/* Otherwise a large block that is freed stays, and leaves a hole. */
	(void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
	look();
	if (used >= RESERVE) {
		apply_limits();
		return;
	}
	bound = 0;
	log_msg(LOG_INFO, NULL, "memory: no bound, since this system does not tell how much is "
	    "allocated");
}
