/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* supervisor/ledger.h: what is counted outlives configurations. */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/child.h"
#include "supervisor/ledger.h"
#include "tap.h"

static char			 a[] = "a", b[] = "b";
static struct handler_conf	 handlers[2];
static struct listen_conf	 listens[1];

/* One with handlers of these names, the second of which may be NULL. */
static struct conf
conf_of(char *first, char *second, unsigned int processes)
{
	struct conf	 conf;
	const char	*why;

	memset(&conf, 0, sizeof(conf));
	handlers[0].name = first;
	handlers[1].name = second;
	handlers[0].processes = handlers[1].processes = processes;
	conf.handlers = handlers;
	conf.nhandlers = second == NULL ? 1 : 2;
	conf.engines = 1;
	conf.connections = 10;
	conf.spool_limit = 100;
	conf.listens = listens;
	conf.nlistens = 1;
	if (netaddr_parse("inet:25", &listens[0].addr, &why) == -1)
		abort();
	return conf;
}

static uint64_t
reports(const struct ledger *l, uint32_t number)
{
	struct numbers_handler	 sum;

	memset(&sum, 0, sizeof(sum));
	ledger_sum_handler(l, number, &sum);
	return sum.reports[0];
}

static uint64_t
accepted(const struct ledger *l)
{
	struct numbers_listener	 sum;

	memset(&sum, 0, sizeof(sum));
	ledger_sum_listener(l, &listens[0].addr, &sum);
	return sum.accepted;
}

static void
test_names(void)
{
	struct ledger	*l = ledger_new();
	struct conf	 conf = conf_of(a, b, 5);
	uint32_t	*one = ledger_enter(l, &conf), *two, *three;

	CHECK(one[0] != one[1] && ledger_size(l) == 2 && ledger_processes(l, one[0]) == 5 &&
	    strcmp(ledger_name(l, one[1]), "b") == 0, "each name has a number");
	conf = conf_of(b, NULL, 3);
	two = ledger_enter(l, &conf);
	CHECK(two[0] == one[1] && ledger_processes(l, two[0]) == 5, "and the same one again");
	ledger_set_limits(l, &conf, two);
	CHECK(ledger_processes(l, two[0]) == 3 && ledger_processes(l, one[0]) == 5,
	    "a limit is that of the configuration that has the name");
	ledger_life(l, one[0])->starts = 7;
	child_add(0, 1, 1000001, one[0]);
	conf = conf_of(a, b, 5);
	ledger_leave(l, &conf, one);
	conf = conf_of(a, NULL, 5);
	three = ledger_enter(l, &conf);
	CHECK(three[0] == 2 && ledger_life(l, three[0])->starts == 0,
	    "a name that was gone is new, and its number too while a process has the old one");
	child_remove(child_by_pid(1000001));
	ledger_leave(l, &conf, three);
	three = ledger_enter(l, &conf);
	CHECK(three[0] == 0 && ledger_size(l) == 3 && ledger_life(l, 0)->starts == 0,
	    "a number that nobody has is used again");
	ledger_leave(l, &conf, three);
	conf = conf_of(b, NULL, 3);
	ledger_leave(l, &conf, two);
	ledger_free(l);
}

static void
test_numbers(void)
{
	struct ledger		*l = ledger_new();
	struct conf		 conf = conf_of(a, b, 5);
	uint32_t		*one = ledger_enter(l, &conf), *two = ledger_enter(l, &conf);
	struct board		*board = board_new(&conf);
	struct numbers_engine	 sum;

	board_handler(board, 0, 1)->reports[0] = 4;
	board_listener(board, 0, 0)->accepted = 6;
	board_numbers(board, 0)->messages[NUMBERS_ACCEPT] = 8;
	ledger_add(l, &conf, one, board);
	ledger_leave(l, &conf, one);
	CHECK(reports(l, two[1]) == 4 && reports(l, two[0]) == 0 && accepted(l) == 6,
	    "what a board had is kept by name");
	ledger_add(l, &conf, two, board);
	memset(&sum, 0, sizeof(sum));
	ledger_sum(l, &sum);
	CHECK(reports(l, two[1]) == 8 && accepted(l) == 12 && sum.messages[NUMBERS_ACCEPT] == 16,
	    "and added up");
	ledger_leave(l, &conf, two);
	CHECK(accepted(l) == 0, "until nobody has the name, or address, any more");
	board_free(board);
	ledger_free(l);
}

int
main(void)
{
	test_names();
	test_numbers();
	return tap_done();
}
