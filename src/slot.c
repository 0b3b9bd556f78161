/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include "log.h"
#include "slot.h"

/* How long a process may take to exit after its answer, and after TERM. */
#define GRACE	5000

enum set { KEEP, CLEAR, SET_GRACE, SET_TIMEOUT, NEVER };

struct rule {
	enum slot_state	 next;
	unsigned int	 todo;
	enum set	 deadline;
};

#define NEVER_RULE	{ SLOT_GONE, 0, NEVER }

static const struct rule rules[SLOT_STATES][SLOT_EVENTS] = {
	[SLOT_STARTING] = {
		[SLOT_STARTED] = { SLOT_ASKED, 0, KEEP },
		[SLOT_NOT_STARTED] = { SLOT_GONE, 0, CLEAR },
		[SLOT_ANSWERED] = NEVER_RULE,
		[SLOT_PROGRESS] = NEVER_RULE,
		[SLOT_FAILED] = { SLOT_DOOMED, 0, CLEAR },
		[SLOT_DEADLINE] = { SLOT_DOOMED, SLOT_DO_TIMEOUT, CLEAR },
		[SLOT_EXITED] = NEVER_RULE,
	},
	[SLOT_DOOMED] = {
		[SLOT_STARTED] = { SLOT_TERMED, SLOT_DO_TERM, SET_GRACE },
		[SLOT_NOT_STARTED] = { SLOT_GONE, 0, CLEAR },
		[SLOT_ANSWERED] = NEVER_RULE,
		[SLOT_PROGRESS] = NEVER_RULE,
		[SLOT_FAILED] = { SLOT_DOOMED, 0, KEEP },
		[SLOT_DEADLINE] = NEVER_RULE,
		[SLOT_EXITED] = NEVER_RULE,
	},
	[SLOT_ASKED] = {
		[SLOT_STARTED] = NEVER_RULE,
		[SLOT_NOT_STARTED] = NEVER_RULE,
		[SLOT_ANSWERED] = { SLOT_ENDING, 0, SET_GRACE },
		[SLOT_PROGRESS] = { SLOT_ASKED, 0, SET_TIMEOUT },
		[SLOT_FAILED] = { SLOT_TERMED, SLOT_DO_TERM, SET_GRACE },
		[SLOT_DEADLINE] = { SLOT_TERMED, SLOT_DO_TIMEOUT | SLOT_DO_TERM, SET_GRACE },
		[SLOT_EXITED] = { SLOT_GONE, 0, CLEAR },
	},
	[SLOT_ENDING] = {
		[SLOT_STARTED] = NEVER_RULE,
		[SLOT_NOT_STARTED] = NEVER_RULE,
		[SLOT_ANSWERED] = NEVER_RULE,
		[SLOT_PROGRESS] = NEVER_RULE,
		[SLOT_FAILED] = { SLOT_ENDING, 0, KEEP },
		[SLOT_DEADLINE] = { SLOT_TERMED, SLOT_DO_TERM, SET_GRACE },
		[SLOT_EXITED] = { SLOT_GONE, 0, CLEAR },
	},
	[SLOT_TERMED] = {
		[SLOT_STARTED] = NEVER_RULE,
		[SLOT_NOT_STARTED] = NEVER_RULE,
		[SLOT_ANSWERED] = NEVER_RULE,
		[SLOT_PROGRESS] = NEVER_RULE,
		[SLOT_FAILED] = { SLOT_TERMED, 0, KEEP },
		[SLOT_DEADLINE] = { SLOT_KILLED, SLOT_DO_KILL, CLEAR },
		[SLOT_EXITED] = { SLOT_GONE, 0, CLEAR },
	},
	[SLOT_KILLED] = {
		[SLOT_STARTED] = NEVER_RULE,
		[SLOT_NOT_STARTED] = NEVER_RULE,
		[SLOT_ANSWERED] = NEVER_RULE,
		[SLOT_PROGRESS] = NEVER_RULE,
		[SLOT_FAILED] = { SLOT_KILLED, 0, KEEP },
		[SLOT_DEADLINE] = NEVER_RULE,
		[SLOT_EXITED] = { SLOT_GONE, 0, CLEAR },
	},
	[SLOT_GONE] = {
		[SLOT_STARTED] = NEVER_RULE,
		[SLOT_NOT_STARTED] = NEVER_RULE,
		[SLOT_ANSWERED] = NEVER_RULE,
		[SLOT_PROGRESS] = NEVER_RULE,
		[SLOT_FAILED] = NEVER_RULE,
		[SLOT_DEADLINE] = NEVER_RULE,
		[SLOT_EXITED] = NEVER_RULE,
	},
};

void
slot_init(struct slot *s, uint64_t now, uint32_t timeout)
{
	s->state = SLOT_STARTING;
	s->timeout = timeout;
	s->deadline = now + timeout;
}

unsigned int
slot_event(struct slot *s, enum slot_event ev, uint64_t now)
{
	const struct rule	*r = &rules[s->state][ev];

	switch (r->deadline) {
	case KEEP:
		break;
	case CLEAR:
		s->deadline = 0;
		break;
	case SET_GRACE:
		s->deadline = now + GRACE;
		break;
	case SET_TIMEOUT:
		s->deadline = now + s->timeout;
		break;
	case NEVER:
		fatalx("handler process: event %d in state %d", (int)ev, (int)s->state);
	}
	s->state = r->next;
	return r->todo;
}
