/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * pool.c: a handler in C that lasts: it serves one event after the other, of
 * one session or of many at a time, and may add a header to each message.
 *
 *	cc -O2 -o pool pool.c
 *	pipemilter -l inet:8899@127.0.0.1 -e end-of-message \
 *	    -o 'reuse = yes' -o 'concurrency = 100' \
 *	    -o 'actions = {add-header}' ./pool X-Seen-By pool
 *
 * pool.pl and pool.sh do the same. What makes it fast: it reads as much as there
 * is, and writes all its replies at once, before it waits for more.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEGINS(line, word)	(strncmp(line, word, sizeof(word) - 1) == 0)

static char	 in[1 << 20];		/* longer than any line can be */
static char	 id[32];		/* "event-id N", with concurrency above 1 */
static char	 event[32];		/* empty: a report, which wants no reply */
static size_t	 payload;		/* bytes that follow the block */

static void
answer(char **header)
{
	if (id[0] != '\0')
		printf("%s\n", id);
	if (header[0] != NULL && strcmp(event, "end-of-message") == 0)
		printf("add-header %s %s\n", header[0], header[1]);
	puts("continue");
}

static void
take_line(const char *line)
{
	if (BEGINS(line, "event-id "))
		snprintf(id, sizeof(id), "%s", line);
	else if (BEGINS(line, "event "))
		snprintf(event, sizeof(event), "%s", line + 6);
	else if (BEGINS(line, "length "))
		payload = strtoul(line + 7, NULL, 10);
}

/* Takes what is whole of len bytes, and returns how many these were. */
static size_t
take(size_t len, char **header)
{
	static size_t	 skip;		/* bytes of a payload still to come */
	size_t		 at = 0, n;
	char		*end;

	for (;;) {
		n = skip < len - at ? skip : len - at;
		skip -= n;
		at += n;
		if ((end = memchr(in + at, '\n', len - at)) == NULL)
			return at;
		*end = '\0';
		if (in[at] != '\0')
			take_line(in + at);
		else {				/* the block is complete */
			if (event[0] != '\0')
				answer(header);
			skip = payload;
			id[0] = event[0] = '\0';
			payload = 0;
		}
		at = (size_t)(end - in) + 1;
	}
}

int
main(int argc, char **argv)
{
	static char	 out[65536];
	size_t		 len = 0, used;
	ssize_t		 n;

	if (argc != 1 && argc != 3)
		errx(2, "usage: pool [NAME VALUE]");
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	while ((n = read(STDIN_FILENO, in + len, sizeof(in) - len)) > 0) {
		len += (size_t)n;
		used = take(len, argv + 1);
		len -= used;
		memmove(in, in + used, len);
		fflush(stdout);
	}
	return n == 0 ? 0 : 1;
}
