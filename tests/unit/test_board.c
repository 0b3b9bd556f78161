/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* store/board.h: what one process counts the others see. */

#include "base/compat.h"

#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/board.h"
#include "tap.h"

#define ENGINES	3
#define LISTENS	20
#define CONNECTIONS 200000

static struct board *
new_board(void)
{
	struct conf	 conf;

	memset(&conf, 0, sizeof(conf));
	conf.engines = ENGINES;
	conf.nlistens = LISTENS;
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

int
main(void)
{
	test_counts();
	test_turns();
	test_processes();
	test_damage();
	test_bounds();
	test_write_other();
	return tap_done();
}
