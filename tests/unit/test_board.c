/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* store/board.h: what one process counts the others see. */

#include "base/compat.h"

#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/board.h"
#include "tap.h"

#define ENGINES	3
#define LISTENS	20
#define HANDLERS 3
#define CONNECTIONS 200000

static struct listen_conf	 listens[LISTENS];

static struct board *
new_board(void)
{
	static struct handler_conf	 handlers[HANDLERS];
	struct conf			 conf;
	const char			*why;
	char				 spec[32];
	size_t				 i;

	memset(&conf, 0, sizeof(conf));
	conf.handlers = handlers;
	handlers[0].processes = handlers[1].processes = 2;
	for (i = 0; i < LISTENS; i++) {
		(void)snprintf(spec, sizeof(spec), "inet:%zu", i + 1);
		if (netaddr_parse(spec, &listens[i].addr, &why) == -1)
			abort();
	}
	conf.listens = listens;
	conf.engines = ENGINES;
	conf.nlistens = LISTENS;
	conf.nhandlers = HANDLERS;
	conf.connections = CONNECTIONS;
	conf.spool_limit = 1000;
	return board_new(&conf);
}

static void
test_counts(void)
{
	struct board	*b = new_board();
	unsigned int	 i, n = 0;

	for (i = 0; i < LISTENS; i++)
		n += board_connections(b, i);
	CHECK(n == 0, "nothing at the start");
	for (i = 0; i < ENGINES; i++)
		board_connected(b, i, LISTENS - 1);
	board_connected(b, 1, 0);
	CHECK(board_connections(b, LISTENS - 1) == ENGINES, "all engines are counted");
	CHECK(board_connections(b, 0) == 1 && board_connections(b, 1) == 0,
	    "each listener by itself");
	board_disconnected(b, 2, LISTENS - 1);
	CHECK(board_connections(b, LISTENS - 1) == ENGINES - 1, "one less");
	board_forget(b, 1);
	CHECK(board_connections(b, LISTENS - 1) == 1 && board_connections(b, 0) == 0,
	    "those of an engine that is gone are not");
	board_free(b);
}

static void
test_times(void)
{
	struct numbers_times	 t;
	unsigned int		 i;

	memset(&t, 0, sizeof(t));
	CHECK(numbers_bound(0) == 1000 && numbers_bound(NUMBERS_BUCKETS - 2) == 120000000 &&
	    numbers_bound(NUMBERS_BUCKETS - 1) == UINT64_MAX, "bounds");
	for (i = 1; i < NUMBERS_BUCKETS; i++)
		if (numbers_bound(i) <= numbers_bound(i - 1))
			break;
	CHECK(i == NUMBERS_BUCKETS, "bounds grow");
	numbers_add_time(&t, 0);
	numbers_add_time(&t, 1000);
	numbers_add_time(&t, 1001);
	numbers_add_time(&t, 40000);
	numbers_add_time(&t, UINT64_C(400000000));
	CHECK(t.buckets[0] == 2 && t.buckets[1] == 1 && t.buckets[5] == 1 &&
	    t.buckets[NUMBERS_BUCKETS - 1] == 1, "a time is in the first bucket that it fits");
	CHECK(numbers_count(&t) == 5 && t.us == 400042001, "number and sum");
}

static void
test_numbers(void)
{
	struct board		*b = new_board();
	struct numbers_handler	 h;
	struct numbers_listener	 l;
	struct numbers_engine	 e;
	struct numbers_load	 load;
	unsigned int		 i;

	for (i = 0; i < ENGINES; i++) {
		numbers_add(&board_handler(b, i, HANDLERS - 1)->answers[VD_REJECT], i + 1);
		numbers_add(&board_listener(b, i, LISTENS - 1)->accepted, 10);
		numbers_add(&board_numbers(b, i)->messages[NUMBERS_ABORTED], 1);
		board_load(b, i, 0)->waiting = 2;
		board_load(b, i, 0)->backoff_until = 100 * (i + 1);
	}
	board_note_sessions(b, 0, 4);
	board_connected(b, 0, 1);
	board_connected(b, 0, 2);
	CHECK(board_connections_of(b, 0) == 2 && board_connections_of(b, 1) == 0 &&
	    board_sessions_of(b, 0) == 4, "what one engine has");
	board_forget(b, 0);
	CHECK(board_connections_of(b, 0) == 0 && board_sessions_of(b, 0) == 0,
	    "nothing, when it is gone");
	board_sum_handler(b, HANDLERS - 1, &h);
	CHECK(h.answers[VD_REJECT] == 6 && h.answers[VD_ACCEPT] == 0, "handlers");
	board_sum_handler(b, 0, &h);
	CHECK(h.answers[VD_REJECT] == 0, "each for itself");
	board_sum_listener(b, LISTENS - 1, &l);
	CHECK(l.accepted == 10 * ENGINES && l.protocol_errors == 0, "listeners");
	board_sum(b, &e);
	CHECK(e.messages[NUMBERS_ABORTED] == ENGINES, "what was counted stays");
	board_sum_load(b, 0, &load);
	CHECK(load.waiting == 2 * (ENGINES - 1) && load.backoff_until == 100 * ENGINES,
	    "what an engine had does not");
	memset(board_handler(b, 1, 0), 0xff, sizeof(h));
	board_sum_handler(b, 0, &h);
	CHECK(h.slow == NUMBERS_MOST && h.wait.us == NUMBERS_MOST &&
	    numbers_count(&h.wait) == NUMBERS_BUCKETS * NUMBERS_MOST,
	    "no engine counts for more than it can have");
	board_free(b);
}

static void
test_turns(void)
{
	struct board	*b = new_board();

	CHECK(board_turns(b, 0) == 0, "no turn at the start");
	board_turn(b, 0);
	board_turn(b, 0);
	board_turn(b, 2);
	CHECK(board_turns(b, 0) == 2 && board_turns(b, 1) == 0 && board_turns(b, 2) == 1,
	    "each engine's turns are its own");
	board_forget(b, 0);
	CHECK(board_turns(b, 0) == 0, "a new engine begins again");
	board_free(b);
}

static void	 count_much(struct board *, unsigned int engine) NO_RETURN;

static void
count_much(struct board *b, unsigned int engine)
{
	unsigned int	 i;

	for (i = 0; i < 100000; i++) {
		board_connected(b, engine, 3);
		board_connected(b, engine, 4);
		board_disconnected(b, engine, 3);
	}
	board_connected(b, engine, 3);
	_exit(0);
}

static void
test_processes(void)
{
	struct board	*b = new_board();
	unsigned int	 i;
	pid_t		 pid;

	for (i = 0; i < ENGINES; i++) {
		if ((pid = fork()) == -1)
			abort();
		if (pid == 0)
			count_much(b, i);
	}
	while (wait(NULL) != -1)
		;
	CHECK(board_connections(b, 3) == ENGINES &&
	    board_connections(b, 4) == ENGINES * 100000, "counted in other processes");
	board_free(b);
}

/* An engine that somebody has broken into writes where it likes in what it shares. */
static void
test_damage(void)
{
	struct board	*b = new_board();
	pid_t		 pid;

	board_connected(b, 1, 0);
	if ((pid = fork()) == -1)
		abort();
	if (pid == 0) {
		memset((void *)b, 0xff, 2 * sizeof(unsigned int) + sizeof(size_t));
		_exit(0);
	}
	while (wait(NULL) != -1)
		;
	board_forget(b, 0);
	CHECK(board_connections(b, 0) == 1, "where rows are each process knows for itself");
	board_free(b);
}

/* A configuration that was read again: its engines have a board of their own. */
static void
test_generations(void)
{
	struct board	*old = new_board(), *new;

	board_connected(old, 0, 3);
	board_connected(old, 1, 4);
	CHECK(board_keep(old, 0, 600) && !board_has_older(old), "one board");
	new = new_board();
	board_connected(new, 2, 3);
	CHECK(board_connections(new, 3) == 2 && board_connections(new, 4) == 1 &&
	    board_connections(new, 5) == 0, "connections of an older board count, by address");
	CHECK(board_connections_here(new, 3) == 1 && board_connections(old, 3) == 1,
	    "or not, and those of a newer one do not");
	CHECK(board_has_older(new) && !board_has_older(old), "which is older");
	CHECK(!board_keep(new, 0, 500) && board_keep(new, 0, 300), "nor is more kept than there may be");
	CHECK(board_keep(old, 0, 300), "the old one has not heard of that yet");
	board_drop(old, 0, 300);
	board_share(1000);
	CHECK(!board_keep(old, 0, 200) && board_keep(old, 0, 100), "now it has");
	board_share(1100);
	CHECK(board_keep(old, 0, 100) && !board_keep(new, 0, 1), "a new limit holds for both");
	board_free(old);
	CHECK(!board_has_older(new) && board_connections(new, 3) == 1 && board_keep(new, 0, 700),
	    "one that is gone has nothing");
	board_free(new);
}

static void
test_become_generations(void)
{
	struct board	*old = new_board(), *new = new_board();
	pid_t		 pid;
	int		 status;

	if ((pid = fork()) == -1)
		abort();
	if (pid == 0) {
		board_become(new, 1);
		board_connected(new, 1, 0);
		board_connected(old, 1, 0);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1)
		;
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1 && board_connections(new, 0) == 1 &&
	    board_connections(old, 0) == 0, "an engine has no row of another board to write");
	board_free(old);
	board_free(new);
}

static void
test_fold(void)
{
	uint64_t	 sum[2] = { 1, NUMBERS_MOST }, from[2] = { 2, 5 };

	numbers_fold(sum, from, 2);
	CHECK(sum[0] == 3 && sum[1] == NUMBERS_MOST, "a sum stays within its bound");
}

static void	 count_wrong(struct board *) NO_RETURN;

/* As an engine that somebody has broken into. */
static void
count_wrong(struct board *b)
{
	unsigned int	 i;

	board_become(b, 1);
	for (i = 0; i < 10; i++)
		board_disconnected(b, 1, 0);
	board_drop(b, 1, 1);
	_exit(0);
}

static void
test_bounds(void)
{
	struct board	*b = new_board();
	pid_t		 pid;

	board_connected(b, 0, 0);
	if ((pid = fork()) == -1)
		abort();
	if (pid == 0)
		count_wrong(b);
	while (wait(NULL) != -1)
		;
	CHECK(board_connections(b, 0) == CONNECTIONS + 1, "a row has no more than there may be");
	CHECK(!board_keep(b, 0, 1), "nor is a sum of bytes small because it wraps around");
	board_forget(b, 1);
	CHECK(board_connections(b, 0) == 1 && board_keep(b, 0, 1), "and that goes with it");
	board_free(b);
}

static void
test_write_other(void)
{
	struct board	*b = new_board();
	pid_t		 pid;
	int		 status;

	if ((pid = fork()) == -1)
		abort();
	if (pid == 0) {
		board_become(b, 1);
		board_connected(b, 1, 0);
		board_connected(b, 2, 0);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
	    board_connections(b, 0) == 1, "an engine has no other row to write");
	board_free(b);
}

static void
test_slots(void)
{
	struct board		*b = new_board();
	struct slots		*s = board_slots(b, 1);
	struct slots_process	*at[5], *other, p;
	uint64_t		 ids[5];
	unsigned int		 i;

	for (i = 0; i < 5; i++) {
		ids[i] = slots_take(s, &at[i]);
		at[i]->state = NUMBERS_BUSY;
		at[i]->uses = i;
	}
	CHECK(slots_read(s, ids[3], &p) && p.uses == 3 && p.state == NUMBERS_BUSY && p.ids[0] == '\0',
	    "what a process does");
	CHECK(!slots_read(s, ids[4], &p), "one that is too many has no place");
	CHECK(!slots_read(board_slots(b, 0), ids[3], &p), "each engine for itself");
	slots_drop(s, ids[3]);
	slots_drop(s, ids[4]);
	CHECK(!slots_read(s, ids[3], &p), "gone");
	CHECK(slots_take(s, &other) != ids[3] && other == at[3] && other->state != NUMBERS_BUSY,
	    "another in its place has another id, and nothing of it");
	CHECK(slots_take(s, &other) != ids[4], "no id is used twice");
	memset(at[0], 0xff, sizeof(*at[0]));
	at[0]->id = ids[0];
	CHECK(slots_read(s, ids[0], &p) && strlen(p.ids) == SLOTS_IDS - 1, "any text ends");
	CHECK(!slots_read(s, UINT64_MAX, &p), "no such place");
	board_free(b);
}

int
main(void)
{
	test_slots();
	test_counts();
	test_turns();
	test_times();
	test_numbers();
	test_processes();
	test_damage();
	test_generations();
	test_become_generations();
	test_fold();
	test_bounds();
	test_write_other();
	return tap_done();
}
