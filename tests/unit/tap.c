/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define GUARDED		8	/* copies that are valid at the same time */

static unsigned int	tap_run, tap_failed;

/* Flushes each line before the next step, since the program may die in it. */
static void
say(int ok, const char *name)
{
	tap_run++;
	if (!ok)
		tap_failed++;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", tap_run, name);
	fflush(stdout);
}

void
tap_check(int ok, const char *name, const char *expr, const char *file, int line)
{
	say(ok, name);
	if (!ok)
		printf("# %s:%d: %s\n", file, line, expr);
}

void
tap_str(const char *got, const char *want, const char *name, const char *file, int line)
{
	if (got == NULL || want == NULL) {
		say(got == want, name);
		if (got != want)
			printf("# %s:%d: one of them is NULL\n", file, line);
		return;
	}
	tap_mem(got, strlen(got), want, strlen(want), name, file, line);
}

static void
show(const char *what, const unsigned char *p, size_t len)
{
	size_t	 i;

	printf("# %s (%zu):", what, len);
	for (i = 0; i < len && i < 400; i++)
		printf(p[i] > 32 && p[i] < 127 ? " %c" : " %02x", p[i]);
	printf("\n");
}

void
tap_mem(const void *got, size_t gotlen, const void *want, size_t wantlen,
    const char *name, const char *file, int line)
{
	int	 ok = gotlen == wantlen && (gotlen == 0 || memcmp(got, want, gotlen) == 0);

	say(ok, name);
	if (ok)
		return;
	printf("# %s:%d\n", file, line);
	show("got ", got, gotlen);
	show("want", want, wantlen);
}

int
tap_done(void)
{
	printf("1..%u\n", tap_run);
	fflush(stdout);
	return tap_failed > 0;
}

const void *
guarded(const void *p, size_t len)
{
	static struct {
		unsigned char	*map;
		size_t		 size;
	}		 slots[GUARDED], *slot;
	static unsigned int next;
	size_t		 page = (size_t)sysconf(_SC_PAGESIZE);
	size_t		 size = (len / page + 2) * page;

	slot = &slots[next++ % GUARDED];
	if (slot->map != NULL)
		munmap(slot->map, slot->size);
	slot->size = size;
	slot->map = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slot->map == MAP_FAILED ||
	    mprotect(slot->map + size - page, page, PROT_NONE) == -1) {
		perror("guarded");
		exit(1);
	}
	if (len > 0)
		memcpy(slot->map + size - page - len, p, len);
	return slot->map + size - page - len;
}

size_t
unhex(const char *hex, unsigned char *bytes)
{
	size_t	 n = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		bytes[n++] = (unsigned char)strtoul((char[]){ hex[0], hex[1], '\0' },
		    NULL, 16);
		hex++;
	}
	return n;
}
