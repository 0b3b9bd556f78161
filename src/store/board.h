/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * store/board.h: counters that all engines share: memory that the supervisor maps
 * before it forks them. Each engine can write its own row, and read all. Engines and
 * listeners are counted from 0; a number that is too large ends the program
 * through fatalx().
 */
#ifndef PM_STORE_BOARD_H
#define PM_STORE_BOARD_H

#include "config/conf.h"
#include "store/numbers.h"
#include "store/slots.h"

struct board;

/*
 * Makes a row for each of conf->engines with a column for each of conf->listens; all 0. The
 * engines of a configuration that was read again have a board of their own. Boards that
 * were there before are counted with it where a limit is for all.
 */
struct board	*board_new(const struct conf *);
/* Unmaps the counters in this process. */
void		 board_free(struct board *);
/* This process is an engine: it can write no row of any board but its own, from here on. */
void		 board_become(struct board *, unsigned int engine);
/*
 * For the supervisor, now and then: engines of each board learn what engines of newer boards
 * keep, and that limit (bytes) is the spool-limit now.
 */
void		 board_share(uint64_t limit);
/* Connections at the address of a listener, in all engines of this board and of older ones. */
unsigned int	 board_connections(const struct board *, unsigned int listener);
/* The same without those of older boards. */
unsigned int	 board_connections_here(const struct board *, unsigned int listener);
/* 1 if there is an older board, so connections may close that this one's engines don't have. */
int		 board_has_older(const struct board *);
void		 board_connected(struct board *, unsigned int engine, unsigned int listener);
void		 board_disconnected(struct board *, unsigned int engine, unsigned int listener);
/*
 * Counts n bytes more that an engine keeps for messages, in memory or in files.
 * Returns 1, or 0 if all engines together, those of other boards included, would then keep
 * more than the spool-limit: nothing is counted then.
 */
int		 board_keep(struct board *, unsigned int engine, uint64_t n);
/* Counts n bytes less. */
void		 board_drop(struct board *, unsigned int engine, uint64_t n);
/* The engine notes that its loop has made a turn. */
void		 board_turn(struct board *, unsigned int engine);
/*
 * How many turns an engine has noted. An engine that was taken over notes what it
 * likes: whether the value has changed is all that it is good for.
 */
uint64_t	 board_turns(const struct board *, unsigned int engine);
/*
 * The engine is gone: what it had is 0 now. What it has counted stays, and the engine that
 * takes its place goes on from there.
 */
void		 board_forget(struct board *, unsigned int engine);

/* For an engine: its own numbers, to add to. */
struct numbers_engine	*board_numbers(struct board *, unsigned int engine);
struct numbers_listener	*board_listener(struct board *, unsigned int engine, unsigned int listener);
struct numbers_handler	*board_handler(struct board *, unsigned int engine, unsigned int handler);
struct numbers_load	*board_load(struct board *, unsigned int engine, unsigned int handler);
/* What an engine shows of its handler processes. */
struct slots	*board_slots(const struct board *, unsigned int engine);
/* The engine notes how many sessions it has. */
void		 board_note_sessions(struct board *, unsigned int engine, unsigned int n);
/*
 * The same in a process that knows no board, as when a session is only explained: the numbers
 * of its engine, or some that nobody reads.
 */
struct numbers_engine	*board_own(void);

/* For all: the sums of what engines have counted, each bounded (store/numbers.h). */
void		 board_sum(const struct board *, struct numbers_engine *);
void		 board_sum_listener(const struct board *, unsigned int listener,
		    struct numbers_listener *);
void		 board_sum_handler(const struct board *, unsigned int handler,
		    struct numbers_handler *);
/* backoff_until is the latest. */
void		 board_sum_load(const struct board *, unsigned int handler, struct numbers_load *);
/* Bytes that all of this board keep; connections and sessions of one engine. */
uint64_t	 board_kept(const struct board *);
unsigned int	 board_connections_of(const struct board *, unsigned int engine);
uint64_t	 board_sessions_of(const struct board *, unsigned int engine);

#endif
