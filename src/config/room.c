/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/room.c: warns if the system allows less than the configuration may need.
 */
#include "base/compat.h"

#include <sys/resource.h>

#include "config/build.h"

#define FDS_SPARE	32	/* for the log, the event loop, who watches, and a reserve */
#define FDS_A_PROCESS	3	/* ends of its pipes */
/* A large message is in files: as it came, as a handler changed it, and one being written. */
#define FDS_A_MESSAGE	3

unsigned int
conf_fds_a_connection(const struct conf *conf)
{
	size_t	 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].input_message || conf->handlers[i].spool)
			return 1 + FDS_A_MESSAGE;
	return 1;
}

uint64_t
conf_fds(const struct conf *conf, uint64_t connection_fds, uint64_t processes)
{
	return connection_fds + FDS_A_PROCESS * processes + conf->nlistens + FDS_SPARE;
}

/* Returns how many descriptors an engine has when all is in use, and spread evenly. */
static uint64_t
fds_in_use(const struct conf *conf, uint64_t connections, uint64_t processes)
{
	uint64_t	 conns = (connections + conf->engines - 1) / conf->engines;

	return conf_fds(conf, conns * conf_fds_a_connection(conf),
	    (processes + conf->engines - 1) / conf->engines);
}

/* Returns the number of processes of all handlers that run as the user of this one. */
static uint64_t
processes_of(const struct conf *conf, const struct handler_conf *h)
{
	uint64_t	 n = 0;
	size_t		 i;

	for (i = 0; i < conf->nhandlers; i++)
		if (conf->handlers[i].uid == h->uid)
			n += conf->handlers[i].processes;
	return n;
}

/* Returns 1 if no handler before this one has its user. One warning for each user is enough. */
static int
is_first_of_user(const struct conf *conf, const struct handler_conf *h)
{
	size_t	 i;

	for (i = 0; conf->handlers[i].uid != h->uid; i++)
		;
	return &conf->handlers[i] == h;
}

/* Root is not limited. Any other caller is one user, and so is all that it starts. */
static void
check_processes(struct build *b)
{
	const struct conf		*conf = b->conf;
	const struct handler_conf	*h;
	struct rlimit			 rl;
	size_t				 i;

	if (getrlimit(RLIMIT_NPROC, &rl) == -1 || rl.rlim_cur == RLIM_INFINITY)
		return;
	for (i = 0; i < conf->nhandlers; i++) {
		h = &conf->handlers[i];
		if ((b->root && h->uid == 0) || !is_first_of_user(conf, h) ||
		    processes_of(conf, h) <= rl.rlim_cur)
			continue;
		conf_warning(b->errors, h->line, "handler %s: all handlers of its user may have "
		    "%llu processes, and the system allows %llu; expected a higher limit "
		    "(LimitNPROC= of the systemd unit, or ulimit -u), or a lower number of "
		    "`processes'", h->name, (unsigned long long)processes_of(conf, h),
		    (unsigned long long)rl.rlim_cur);
	}
}

static void
check_fds(struct build *b)
{
	const struct conf	*conf = b->conf;
	const struct conf_node	*st = conf_tree_find(b->tree, "connections");
	uint64_t		 connections, processes = 0, needed;
	struct rlimit		 rl;
	size_t			 i;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	connections = (uint64_t)conf->connections * conf->nlistens;
	for (i = 0; i < conf->nhandlers; i++)
		processes += conf->handlers[i].processes;
	needed = fds_in_use(conf, connections, processes);
	if (rl.rlim_max == RLIM_INFINITY || needed <= rl.rlim_max)
		return;
	conf_warning(b->errors, st == NULL ? 0 : st->at, "%llu connections and %llu processes "
	    "of handlers may take %llu file descriptors%s, and the system allows %llu; expected "
	    "a higher limit (LimitNOFILE= of the systemd unit, or ulimit -Hn), or a lower number "
	    "of `connections' or `processes'", (unsigned long long)connections,
	    (unsigned long long)processes, (unsigned long long)needed,
	    conf->engines > 1 ? " in each engine" : "", (unsigned long long)rl.rlim_max);
}

void
conf_check_room(struct build *b)
{
	/* Who tries a handler on the command line did not choose these numbers. */
	if (b->base != NULL)
		return;
	check_fds(b);
	check_processes(b);
}
