/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * engine/slot.c: the table of states and events of a handler process.
 */
#include "base/compat.h"

#include <string.h>

#include "engine/slot.h"

enum set { NEVER, KEEP, CLEAR, SET_GRACE, SET_TERM };

struct rule {
	enum set	 deadline;	/* NEVER, which is 0: this event can't happen here */
	enum slot_state	 next;
	unsigned int	 todo;
};

static const struct rule rules[SLOT_STATES][SLOT_EVENTS] = {
	[SLOT_STARTING] = {
		[SLOT_STARTED] = { CLEAR, SLOT_LIVE, 0 },
		[SLOT_NOT_STARTED] = { CLEAR, SLOT_GONE, 0 },
		[SLOT_FINISHED] = { CLEAR, SLOT_DOOMED, 0 },
		[SLOT_FAILED] = { CLEAR, SLOT_DOOMED, 0 },
	},
	[SLOT_DOOMED] = {
		[SLOT_STARTED] = { SET_TERM, SLOT_TERMED, SLOT_DO_TERM },
		[SLOT_NOT_STARTED] = { CLEAR, SLOT_GONE, 0 },
		[SLOT_FINISHED] = { KEEP, SLOT_DOOMED, 0 },
		[SLOT_FAILED] = { KEEP, SLOT_DOOMED, 0 },
	},
	[SLOT_LIVE] = {
		[SLOT_FINISHED] = { SET_GRACE, SLOT_ENDING, 0 },
		[SLOT_FAILED] = { SET_TERM, SLOT_TERMED, SLOT_DO_TERM },
		[SLOT_EXITED] = { CLEAR, SLOT_GONE, 0 },
	},
	[SLOT_ENDING] = {
		[SLOT_FINISHED] = { KEEP, SLOT_ENDING, 0 },
		[SLOT_FAILED] = { SET_TERM, SLOT_TERMED, SLOT_DO_TERM },
		[SLOT_DEADLINE] = { SET_TERM, SLOT_TERMED, SLOT_DO_TERM },
		[SLOT_EXITED] = { CLEAR, SLOT_GONE, 0 },
	},
	[SLOT_TERMED] = {
		[SLOT_FINISHED] = { KEEP, SLOT_TERMED, 0 },
		[SLOT_FAILED] = { KEEP, SLOT_TERMED, 0 },
		[SLOT_DEADLINE] = { CLEAR, SLOT_KILLED, SLOT_DO_KILL },
		[SLOT_EXITED] = { CLEAR, SLOT_GONE, 0 },
	},
	[SLOT_KILLED] = {
		[SLOT_FINISHED] = { KEEP, SLOT_KILLED, 0 },
		[SLOT_FAILED] = { KEEP, SLOT_KILLED, 0 },
		[SLOT_EXITED] = { CLEAR, SLOT_GONE, 0 },
	},
};

void
slot_init(struct slot *s)
{
	memset(s, 0, sizeof(*s));
	s->state = SLOT_STARTING;
	s->grace = SLOT_GRACE;
}

int
slot_expects(const struct slot *s, enum slot_event ev)
{
	return rules[s->state][ev].deadline != NEVER;
}

unsigned int
slot_event(struct slot *s, enum slot_event ev, uint64_t now)
{
	const struct rule	*r = &rules[s->state][ev];

	switch (r->deadline) {
	case NEVER:
		return 0;
	case KEEP:
		break;
	case CLEAR:
		s->deadline = 0;
		break;
	case SET_GRACE:
		s->deadline = now + s->grace;
		break;
	case SET_TERM:
		s->deadline = now + SLOT_GRACE;
		break;
	}
	s->state = r->next;
	return r->todo;
}
