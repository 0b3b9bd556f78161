/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/generation.h: a configuration, and the engines that serve with it. A reload
 * makes a new one; the old one goes when its last session is over.
 */
#ifndef PM_SUPERVISOR_GENERATION_H
#define PM_SUPERVISOR_GENERATION_H

#include "base/compat.h"
#include "config/conf.h"
#include "store/board.h"
#include "supervisor/engine_proc.h"
#include "supervisor/ledger.h"
#include "supervisor/looks.h"
#include "system/runtime.h"

#define GENERATIONS_OLD		8	/* that still have sessions, at most */
#define GENERATIONS_MAX		(GENERATIONS_OLD + 2)
#define ENGINES_MAX		(GENERATIONS_MAX * CONF_MAX_ENGINES)

enum generation_state {
	GENERATION_NEW,		/* some of its engines are not ready yet */
	GENERATION_SERVES,
	GENERATION_OLD,		/* its engines accept no more */
	GENERATION_ANSWERS,	/* its time is over, so they answer without handlers */
	GENERATION_FAILED	/* it never served, and ends */
};

struct generation {
	TAILQ_ENTRY(generation)	 entry;
	uint64_t		 id;
	enum generation_state	 state;
	uint64_t		 end_at;	/* ms: when its time is over; MONO_NEVER: it has no end */
	struct conf		*conf;
	struct runtime		*runtime;
	int			*listen_fds;	/* one for each of conf->listens; NULL: they are not its own */
	unsigned int		 n;
	struct engine_proc	*engines;	/* so many: conf->engines */
	struct board		*board;
	struct looks		*looks;
	uint32_t		*handlers;	/* numbers of conf->handlers in the ledger */
};
TAILQ_HEAD(generation_list, generation);

/*
 * Its engines have numbers that none of those in the list has. conf, runtime and listen_fds are its
 * own from now on. changed, of supervisor/looks.h, gets the generation as its argument.
 */
struct generation *generation_new(const struct generation_list *, struct ledger *, struct conf *,
		    struct runtime *, int *listen_fds, looks_changed *changed);
/* None of its engines lives. What they have counted goes into the ledger. */
void		 generation_free(struct generation *, struct ledger *);
/* The number of engines that live. */
unsigned int	 generation_alive(const struct generation *);
int		 generation_all_ready(const struct generation *);
/* 1 if all that live have done what IPC_RETIRE asks for. */
int		 generation_has_retired(const struct generation *);
/* Sends all of its engines a message that has no values. */
void		 generation_tell(struct generation *, enum ipc_type);
void		 generation_kill(struct generation *);
/* The index in conf->handlers of a number in the ledger, or -1. */
int		 generation_handler(const struct generation *, uint32_t number);
/*
 * In a new engine of one of the generations in the list: closes what is none of its business,
 * and forgets the secrets of all.
 */
void		 generation_forget_others(const struct generation_list *,
		    const struct generation *);

#endif
