/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/binding.h: which process of a handler serves a session. The engine alone reads and
 * writes it; the session only has the room for it.
 */
#ifndef PM_STATE_BINDING_H
#define PM_STATE_BINDING_H

#include <stdint.h>

#include "base/compat.h"

struct hproc;
struct hstate;

/* All zero: no process serves the session, nor ever has. */
struct binding {
	struct hproc		*proc;		/* serves the scope; NULL: none does */
	unsigned int		 served;	/* number of that scope; 0: of one event */
	uint64_t		 last_proc;	/* id of the process that served last; 0: none */
	int			 stalled;	/* proc takes no more reports for now */
	TAILQ_ENTRY(hstate)	 bound;		/* among all that proc serves */
};

#endif
