/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/current.c: the event that handlers are asked or told about now.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "state/current.h"
#include "state/ids.h"

void
current_init(struct current *c)
{
	memset(c, 0, sizeof(*c));
	c->asked = c->answered_by = -1;
	buf_init(&c->kept, MILTER_MAX_DATA);
	buf_init(&c->raw, MILTER_MAX_DATA);
	buf_init(&c->lf, MILTER_MAX_DATA + 1);
}

void
current_clear(struct current *c)
{
	if (c->recipient != NULL) {
		mailbox_free(c->recipient);
		c->recipient = NULL;
	}
	c->rejected = 0;
	if (c->command != NULL) {
		free(c->command);
		c->command = NULL;
	}
	c->header_name = c->header_value = c->reason = NULL;
	if (c->verdict != VD_CONTINUE) {
		smtp_reply_free(&c->smtp);
		c->verdict = VD_CONTINUE;
	}
	c->asked = c->answered_by = -1;
	c->wire = 0;
	buf_reset(&c->kept);
	buf_reset(&c->raw);
	buf_reset(&c->lf);
}

void
current_free_buffers(struct current *c)
{
	buf_free(&c->kept);
	buf_free(&c->raw);
	buf_free(&c->lf);
}

void
current_begin(struct session *s, enum event_kind ev, int wire)
{
	current_clear(&s->cur);
	s->cur.event = ev;
	s->cur.wire = wire;
	s->cur.index = 0;
	s->cur.number = ++s->nevents;
	/* The macros of the next message may be here before the abort of the old one. */
	if (ev != EV_ABORT && s->ids_stale)
		ids_update(s);
}

void
current_keep(struct current *c)
{
	size_t	 before;

	if (c->header_name == NULL || c->kept.len > 0)
		return;
	/* The value follows the name in the packet. */
	before = (size_t)(c->header_value - c->header_name);
	buf_add(&c->kept, c->header_name, before + strlen(c->header_value) + 1);
	c->header_name = (char *)c->kept.data;
	c->header_value = c->header_name + before;
}

int
current_is_of_message(enum event_kind ev)
{
	return ev != EV_CONNECT && ev != EV_HELO && ev != EV_UNKNOWN && ev != EV_DISCONNECT;
}

int
current_kind_has_answer(const struct session *s)
{
	return (s->neg->no_reply & EV_BIT(s->cur.event)) == 0;
}

int
current_answer_is_due(const struct session *s)
{
	return s->cur.wire == SMFIC_BODYEOB || current_kind_has_answer(s);
}
