/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * fuzz/live_handler.c: a handler of every bad habit, for fuzz/live. What it does at a
 * block is chosen by the seed and by what the block says. The variable LIVE has a number
 * for each of these: seed, bad habits in 1000 blocks, whether event-id is repeated, time
 * limit in ms, bits of the actions that are allowed; and what it reads: block, message,
 * or message with no output.
 */

#define _GNU_SOURCE

#include <sys/types.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_PENDING	8
#define MAX_PAYLOAD	((size_t)4 << 20)

static uint64_t		 state;
static unsigned int	 seed, bad, ids, limit, allowed;
static char		 reads[10];

struct block {
	char	 kind[60];	/* first line */
	char	 id[30];
	char	 file[300];	/* of the message in the spool */
};

static struct block	 pending[MAX_PENDING];
static unsigned int	 npending;

static char		*input;		/* what was read and not taken */
static size_t		 ninput, room;

static unsigned int
below(unsigned int n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(state >> 33) % n;
}

static void
stir(const char *p, size_t len)
{
	for (; len > 0; len--)
		state = (state ^ (unsigned char)*p++) * 1099511628211u;
}

static void
wait_ms(unsigned int ms)
{
	struct timespec	 ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static void
out(int fd, const char *text, size_t len)
{
	ssize_t	 n;

	for (; len > 0; text += n, len -= (size_t)n)
		if ((n = write(fd, text, len)) == -1)
			_exit(0);
}

static void
say(const char *text)
{
	out(1, text, strlen(text));
}

/* Says nothing for so long that its time is up, or that it is killed. */
static __attribute__((noreturn)) void
hang(void)
{
	sleep(30);
	_exit(1);
}

static void
flood(int fd, unsigned int kilobytes, int lines)
{
	char	 text[1024];

	memset(text, 'x', sizeof(text));
	for (; kilobytes > 0; kilobytes--) {
		if (lines)
			memcpy(text, "log ", 4), text[sizeof(text) - 1] = '\n';
		out(fd, text, sizeof(text));
	}
}

/* A child that outlives it, with or without its descriptors. */
static void
leave_child(void)
{
	int	 how = (int)below(3);

	if (fork() != 0)
		return;
	if (how == 0)
		(void)setsid();
	if (how == 1)
		(void)close(1);
	sleep(1);
	_exit(0);
}

static const struct {
	unsigned int	 bit;
	const char	*text;
} actions[] = {
	{ 0, "add-header X-Live a value" },
	{ 0, "add-header X-Live \\0040two\\n\\0011lines" },
	{ 1, "insert-header 1 X-Top v" },
	{ 1, "insert-header 900 X-Far v" },
	{ 2, "change-header Subject 1 another" },
	{ 2, "change-header X-None 3 v" },
	{ 3, "delete-header Subject" },
	{ 3, "delete-header X-None 7" },
	{ 4, "change-sender <>" },
	{ 4, "change-sender <n@example.org> RET=HDRS" },
	{ 5, "add-recipient <n@example.org>" },
	{ 6, "delete-recipient <r0@example.org>" },
	{ 6, "delete-recipient <nobody@example.org>" },
	{ 7, "replace-body 12\nnew\nbody\n\n\r\n" },
	{ 7, "replace-body 0" },
	{ 8, "quarantine because" },
	{ 31, "progress" },
	{ 31, "set a 1" },
	{ 31, "set b 0123456789012345678901234567890123456789" },
	{ 31, "set-message c 2" },
	{ 31, "unset a" },
	{ 31, "log all is well" },
};

#define NACTIONS	(sizeof(actions) / sizeof(actions[0]))

static const char *
verdict(void)
{
	static const char *const	 some[] = { "accept", "accept", "reject",
		"reject 554 5.7.1 100% no\\nnever", "tempfail", "tempfail 450 4.1.1 x", "discard",
		"skip", "skip", "shutdown bye", "reject 250 2.0.0 x" };

	return below(4) == 0 ? some[below(sizeof(some) / sizeof(some[0]))] : "continue";
}

static size_t
make_reply(const struct block *b, char *text, size_t size)
{
	unsigned int	 n, i;
	size_t		 len = 0;

	if (ids)
		len += (size_t)snprintf(text, size, "event-id %s\n", b->id);
	for (n = below(3) == 0 ? below(5) : 0; n > 0; n--) {
		i = below(NACTIONS);
		if (actions[i].bit == 31 || (allowed & 1u << actions[i].bit) != 0 ||
		    below(50) == 0)
			len += (size_t)snprintf(text + len, size - len, "%s\n", actions[i].text);
	}
	len += (size_t)snprintf(text + len, size - len, "%s\n", verdict());
	return len;
}

static void
answer(const struct block *b)
{
	char	 text[2000];
	size_t	 len = make_reply(b, text, sizeof(text));

	if (below(6) == 0)
		wait_ms(below(30));
	out(1, text, len);
}

static __attribute__((noreturn)) void
end_somehow(void)
{
	static const int	 status[] = { 0, 0, 1, 2, 75, 100, 111, 99, 255 };
	static const int	 signals[] = { SIGKILL, SIGSEGV, SIGTERM, SIGABRT, SIGPIPE };

	if (below(3) == 0)
		kill(getpid(), signals[below(sizeof(signals) / sizeof(signals[0]))]);
	_exit(status[below(sizeof(status) / sizeof(status[0]))]);
}

/* Its message file belongs to it, until it has answered. */
static void
spoil_file(const struct block *b)
{
	int	 fd;

	if (b->file[0] == '\0' || (fd = open(b->file, O_RDWR)) == -1)
		return;
	if (below(2))
		(void)ftruncate(fd, 0);
	else
		(void)!write(fd, "spoiled", 7);
	if (below(2))
		(void)unlink(b->file);
	if (below(2))
		(void)close(fd);
}

/* The reply with something wrong in it. */
static void
answer_badly(const struct block *b)
{
	char	 text[2000];
	size_t	 i, len = make_reply(b, text, sizeof(text)), half = below((unsigned int)len);

	switch (below(12)) {
	case 0:
		out(1, text, half);
		end_somehow();
	case 1:
		out(1, text, half);
		hang();
	case 2:
		out(1, text, len);
		out(1, text, len);
		break;
	case 3:
		out(1, text, len);
		end_somehow();
	case 4:
		out(1, text, len);
		wait_ms(below(50));
		say("log stray\n");
		break;
	case 5:
		for (i = 0; i < len; i++) {
			out(1, text + i, 1);
			wait_ms(below(3));
		}
		break;
	case 6:
		say(below(2) ? "event-id 999999\ncontinue\n" : "no-such-word\ncontinue\n");
		break;
	case 7:
		out(1, "add-header X \0 v\n", 17);
		break;
	case 8:
		say("replace-body 100000\nshort\n");
		end_somehow();
	case 9:
		for (i = 0; i < 3000; i++)
			say("progress\n");
		out(1, text, len);
		break;
	case 10:
		wait_ms(limit * 3 / 4 + below(limit / 2 + 1));
		out(1, text, len);
		break;
	default:
		out(1, text, len);
		(void)close(0);
		wait_ms(below(300));
		end_somehow();
	}
}

static void
misbehave(const struct block *b)
{
	switch (below(15)) {
	case 0:
	case 1:
		end_somehow();
	case 2:
		hang();
	case 3:
		flood(1, 200 + below(3000), (int)below(2));
		end_somehow();
	case 4:
		flood(2, 1 + below(300), 1);
		break;
	case 5:
		(void)signal(SIGTERM, SIG_IGN);
		if (below(2))
			hang();
		break;
	case 6:
		(void)close(1);
		hang();
	case 7:
		(void)close(0);
		wait_ms(below(200));
		break;
	case 8:
		leave_child();
		break;
	case 9:
		leave_child();
		end_somehow();
	case 10:
		kill(getpid(), SIGSTOP);
		break;
	case 11:
		spoil_file(b);
		break;
	default:
		answer_badly(b);
		return;
	}
	if (strncmp(b->kind, "event", 5) == 0)
		answer(b);
}

static void
answer_one(void)
{
	struct block	 b;
	unsigned int	 i = below(npending);

	b = pending[i];
	pending[i] = pending[--npending];
	answer(&b);
}

static void
take(const struct block *b)
{
	if (below(1000) < bad)
		misbehave(b);
	else if (strncmp(b->kind, "event", 5) != 0)
		return;
	else if (!ids)
		answer(b);
	else {
		if (npending == MAX_PENDING)
			answer_one();
		pending[npending++] = *b;
		if (below(2))
			answer_one();
	}
}

/* Takes one block off the input; 0 if there is none. */
static int
take_block(struct block *b)
{
	char	*end, *line, *next;
	size_t	 payload = 0, head;

	if (ninput == 0 || (end = memmem(input, ninput, "\n\n", 2)) == NULL)
		return 0;
	head = (size_t)(end - input) + 2;
	end[1] = '\0';
	memset(b, 0, sizeof(*b));
	line = strstr(input, "\nlength ");
	if (line != NULL)
		payload = strtoul(line + 8, NULL, 10);
	if (payload > MAX_PAYLOAD || ninput < head + payload) {
		end[1] = '\n';
		return 0;
	}
	for (line = input; (next = strchr(line, '\n')) != NULL; line = next + 1) {
		*next = '\0';
		if (line == input)
			snprintf(b->kind, sizeof(b->kind), "%s", line);
		if (strncmp(line, "event-id ", 9) == 0)
			snprintf(b->id, sizeof(b->id), "%s", line + 9);
		else if (strncmp(line, "message-file ", 13) == 0)
			snprintf(b->file, sizeof(b->file), "%s", line + 13);
		/* The numbers of sessions are others in each run. */
		else if (strncmp(line, "session ", 8) != 0 && strncmp(line, "message", 7) != 0)
			stir(line, strlen(line));
	}
	ninput -= head + payload;
	memmove(input, input + head + payload, ninput);
	return 1;
}

/* 0 at the end of the input. */
static int
fill(void)
{
	ssize_t	 n;

	if (room - ninput < 65537) {
		room = room * 2 + 131072;
		if ((input = realloc(input, room)) == NULL)
			_exit(1);
	}
	n = read(0, input + ninput, 65536);
	if (n <= 0)
		return 0;
	ninput += (size_t)n;
	input[ninput] = '\0';
	return 1;
}

static void
read_blocks(void)
{
	struct pollfd	 pfd = { .fd = 0, .events = POLLIN };
	struct block	 b;

	for (;;) {
		while (take_block(&b))
			take(&b);
		/* Answers that are kept go out when nothing comes. */
		if (npending > 0 && poll(&pfd, 1, (int)below(40)) == 0) {
			answer_one();
			continue;
		}
		if (!fill())
			break;
	}
	while (npending > 0)
		answer_one();
	if (below(1000) < bad)
		hang();
	_exit(below(1000) < bad ? 1 : 0);
}

/* The message with a header more, less, or another body. */
static void
return_message(void)
{
	char	*body = memmem(input, ninput, "\n\n", 2);

	if (below(3) == 0)
		say("X-Live: one\nX-Live: two\n folded\n");
	if (below(5) == 0 && body != NULL) {
		out(1, input, (size_t)(body - input) + 2);
		say("another body\n");
	} else if (below(8) == 0)
		out(1, input, below((unsigned int)ninput + 1));
	else
		out(1, input, ninput);
	if (below(8) == 0)
		say("X-Last: a line behind the body\n");
}

static void
read_message(void)
{
	struct block	 b = { .kind = "event end-of-message" };

	if (below(1000) < bad && below(2))
		misbehave(&b);
	if (below(20) != 0)
		while (ninput < MAX_PAYLOAD && fill())
			stir(input + ninput / 2, ninput < 64 ? ninput / 2 : 32);
	if (below(1000) < bad)
		misbehave(&b);
	if (strcmp(reads, "none") == 0)
		flood(1, below(50), 0);
	else if (below(10) != 0)
		return_message();
	if (below(5) == 0)
		end_somehow();
	_exit(0);
}

int
main(int argc, char **argv)
{
	const char	*live = getenv("LIVE");

	(void)argc;
	alarm(120);
	if (live == NULL || sscanf(live, "%u %u %u %u %u %9s", &seed, &bad, &ids, &limit,
	    &allowed, reads) != 6)
		return 2;
	state = seed;
	stir(argv[0], strlen(argv[0]));
	if (below(1000) < bad / 2)
		misbehave(&(struct block){ .kind = "event connect" });
	if (strcmp(reads, "block") == 0)
		read_blocks();
	read_message();
	return 0;
}
