/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/handler_conf.h: what follows from the options of one handler. Pure.
 */
#ifndef PM_CONFIG_HANDLER_CONF_H
#define PM_CONFIG_HANDLER_CONF_H

#include "config/conf.h"

/* Events that come within a message. Unknown may also come outside. */
#define CONF_MESSAGE_EVENTS	((EV_BIT(EV_COUNT) - 1) & ~(EV_BIT(EV_CONNECT) | \
				    EV_BIT(EV_HELO) | EV_BIT(EV_DISCONNECT)))

/* Returns 0 if mail passes when this outcome replaces the reply of a handler, or 1. */
int	 conf_outcome_refuses(const struct outcome *);
/* Returns EV_BITs of the events that the handler replies to, if the MTA offers them. */
unsigned int conf_handler_answers(const struct handler_conf *);
/* Returns EV_BITs of the events that it replies to, or is told of. */
unsigned int conf_handler_events(const struct handler_conf *);
/* Returns 1 if it gets messages as a whole: headers and body. */
int	 conf_handler_wants_message(const struct handler_conf *);
/* Returns ACT_BITs of the actions that it may use, if the MTA takes them. */
unsigned int conf_handler_actions(const struct handler_conf *);
/*
 * Returns LINE_BITs of the lines that a block of this event may have: those of the option
 * `lines', and those of the event itself, which the option can't take away.
 */
unsigned int conf_handler_lines(const struct handler_conf *, enum event_kind);

#endif
