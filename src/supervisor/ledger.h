/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * supervisor/ledger.h: what is counted over all generations of engines: by the name of a
 * handler, and by the address of a listener. A handler has a number here, which is the same
 * in every configuration that has the name.
 */
#ifndef PM_SUPERVISOR_LEDGER_H
#define PM_SUPERVISOR_LEDGER_H

#include "config/conf.h"
#include "store/board.h"
#include "system/control_msg.h"

struct ledger;

struct ledger	*ledger_new(void);
void		 ledger_free(struct ledger *);
/*
 * Enters the handlers and listeners of a configuration. Returns the numbers of its handlers, as an
 * array that ledger_leave() frees.
 */
uint32_t	*ledger_enter(struct ledger *, const struct conf *);
/* No engine has that configuration any more. What no other one has is forgotten. */
void		 ledger_leave(struct ledger *, const struct conf *, uint32_t *numbers);
/* The limits of that configuration hold from now on, for the handlers that it has. */
void		 ledger_set_limits(struct ledger *, const struct conf *, const uint32_t *numbers);
/* All numbers are less than this. */
uint32_t	 ledger_size(const struct ledger *);
/* The name of a number; NULL: it has none. */
const char	*ledger_name(const struct ledger *, uint32_t number);
/* How many processes a handler may have, and what is known of those that it had. */
unsigned int	 ledger_processes(const struct ledger *, uint32_t number);
struct control_life *ledger_life(struct ledger *, uint32_t number);
/* The engines of a board have ended: what they have counted is kept. */
void		 ledger_add(struct ledger *, const struct conf *, const uint32_t *numbers,
		    const struct board *);
/* Adds what engines have counted that have ended. */
void		 ledger_sum(const struct ledger *, struct numbers_engine *);
void		 ledger_sum_listener(const struct ledger *, const struct netaddr *,
		    struct numbers_listener *);
void		 ledger_sum_handler(const struct ledger *, uint32_t number,
		    struct numbers_handler *);

#endif
