/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mta/emit.h"
#include "milter/smtp_text.h"
#include "base/xmalloc.h"

/* Enough for one write; a large message is not kept in memory twice. */
#define ENOUGH_OUT	((size_t)256 * 1024)

static const char reject_text[] = "550 5.7.1 Command rejected";
static const char tempfail_text[] = "451 4.7.1 Service unavailable - try again later";
static const char greeting_text[] = "554 " MS_HOSTNAME " ESMTP not accepting connections";
static const char shutdown_text[] = "421 4.7.0 Server closing connection";

struct ms_player *
ms_player_new(const struct ms_plan *plan, const struct ms_hooks *hooks)
{
	struct ms_player	*p = xcalloc(1, sizeof(*p));

	p->plan = plan;
	p->hooks = hooks;
	p->stage = MS_STAGE_OPTNEG;
	return p;
}

void
ms_player_free(struct ms_player *p)
{
	if (p == NULL)
		return;
	ms_terms_free(&p->terms);
	ms_packets_release(p->packets);
	free(p);
}


size_t
ms_player_events(const struct ms_player *p)
{
	return p->events;
}

const char *
ms_player_error(const struct ms_player *p)
{
	return p->error;
}

void
ms_message_open(struct ms_player *p)
{
	static unsigned int	 count;

	count = (count + 1) & 0xffffff;
	(void)snprintf(p->queue_id, sizeof(p->queue_id), "%08X%06X",
	    p->plan->id_base, count);
	p->rcpt = p->accepted = p->tempfailed = 0;
	p->body = MS_BODY_OLD;
	p->hooks->message_begin(p->hooks->arg, p->queue_id);
}

void
ms_message_close(struct ms_player *p, const struct ms_outcome *o)
{
	p->hooks->message_end(p->hooks->arg, o);
	p->stage = p->hooks->more(p->hooks->arg) ? MS_STAGE_MAIL : MS_STAGE_QUIT;
}

static void
rcpt_done(struct ms_player *p, const struct ms_outcome *o)
{
	if (p->hooks->recipient != NULL)
		p->hooks->recipient(p->hooks->arg, &p->plan->rcpts[p->rcpt], o);
	p->rcpt++;
}

void
ms_rcpt_accepted(struct ms_player *p)
{
	struct ms_outcome	 o = { MS_DELIVERED, SMFIC_RCPT, NULL };

	p->accepted++;
	rcpt_done(p, &o);
}

enum ms_state
ms_player_advance(struct ms_player *p, struct buf *out)
{
	while (p->waiting == 0 && p->stage < MS_STAGE_QUIT && buf_ok(out)) {
		if (out->len >= ENOUGH_OUT)
			return MS_MORE;
		ms_emit_stage(p, out);
	}
	if (!buf_ok(out)) {
		(void)strlcpy(p->error, "a command that is too long for a milter packet",
		    sizeof(p->error));
		p->stage = MS_STAGE_BROKEN;
		return MS_BROKEN;
	}
	if (p->waiting != 0)
		return MS_WAIT;
	if (p->stage == MS_STAGE_QUIT)
		ms_emit_quit(p, out);
	else if (p->stage == MS_STAGE_CLOSE) {
		if (p->hooks->closed != NULL)
			p->hooks->closed(p->hooks->arg);
		p->stage = MS_STAGE_CLOSED;
	}
	return p->stage == MS_STAGE_CLOSED ? MS_CLOSE : MS_QUIT;
}

/* What a verdict that is not continue does to what it is about. */
static void
outcome_of(const struct milter_reply *r, int command, char *plain,
    struct ms_outcome *o)
{
	o->command = command;
	o->smtp = plain;
	o->result = MS_REJECTED;
	switch (r->code) {
	case SMFIR_REJECT:
		o->smtp = command == SMFIC_CONNECT ? greeting_text : reject_text;
		break;
	case SMFIR_TEMPFAIL:
		o->result = MS_TEMPFAILED;
		o->smtp = tempfail_text;
		break;
	case SMFIR_SHUTDOWN:
		o->result = MS_TEMPFAILED;
		o->smtp = shutdown_text;
		break;
	case SMFIR_REPLYCODE:
		if (plain[0] == '4')
			o->result = MS_TEMPFAILED;
		break;
	case SMFIR_DISCARD:
		o->result = MS_DISCARDED;
		break;
	default:
		o->result = MS_DELIVERED;
		break;
	}
}

/* At connect and helo all that is final ends the session, and without a QUIT. */
static void
session_over(struct ms_player *p, const struct ms_outcome *o)
{
	ms_message_open(p);
	while (o->result == MS_DELIVERED && p->rcpt < p->plan->nrcpts)
		ms_rcpt_accepted(p);
	p->hooks->message_end(p->hooks->arg, o);
	p->stage = MS_STAGE_CLOSE;
}

static void
message_over(struct ms_player *p, const struct ms_outcome *o, int code, struct buf *out)
{
	while (o->result == MS_DELIVERED && p->rcpt < p->plan->nrcpts)
		ms_rcpt_accepted(p);
	ms_emit_abort(p, out);
	if (code == SMFIR_SHUTDOWN || (o->smtp != NULL && smtp_text_closes(o->smtp))) {
		p->hooks->message_end(p->hooks->arg, o);
		p->stage = code == SMFIR_SHUTDOWN ? MS_STAGE_CLOSE : MS_STAGE_QUIT;
		return;
	}
	ms_message_close(p, o);
}

/* A refusal of one recipient, unless it also ends the session. */
static void
rcpt_refused(struct ms_player *p, const struct ms_outcome *o, int code, struct buf *out)
{
	rcpt_done(p, o);
	if (o->result == MS_TEMPFAILED)
		p->tempfailed++;
	if (smtp_text_closes(o->smtp))
		message_over(p, o, code, out);
}

static void
take_verdict(struct ms_player *p, const struct milter_reply *r, struct buf *out)
{
	int			 command = p->waiting;
	char			*plain = NULL;
	struct ms_outcome	 o;

	p->waiting = 0;
	if (r->code == SMFIR_CONTINUE && command != SMFIC_BODYEOB) {
		if (command == SMFIC_RCPT)
			ms_rcpt_accepted(p);
		return;
	}
	if (r->code == SMFIR_SKIP) {
		p->stage = MS_STAGE_EOM;
		return;
	}
	if (r->code == SMFIR_REPLYCODE)
		plain = smtp_text_plain(r->text);
	outcome_of(r, command, plain, &o);
	if (command == SMFIC_CONNECT || command == SMFIC_HELO)
		session_over(p, &o);
	else if (command == SMFIC_RCPT && o.smtp != NULL)
		rcpt_refused(p, &o, r->code, out);
	else
		message_over(p, &o, r->code, out);
	free(plain);
}

static int
take_optneg(struct ms_player *p, const struct milter_reply *r, struct buf *why)
{
	struct ms_terms	 offer;

	memset(&offer, 0, sizeof(offer));
	offer.version = p->plan->version;
	offer.actions = p->plan->actions;
	offer.protocol = p->plan->protocol;
	if (ms_legal_optneg(&offer, r, &p->terms, why) == -1)
		return -1;
	p->waiting = 0;
	if (p->hooks->reply != NULL)
		p->hooks->reply(p->hooks->arg, SMFIC_OPTNEG, r);
	return 0;
}

static int
take_reply(struct ms_player *p, const struct milter_packet *pkt, struct buf *out,
    struct buf *why)
{
	struct milter_reply	 r;

	if (ms_legal_packet(&p->terms, p->waiting, pkt, &p->body, &r, why) == -1)
		return -1;
	if (p->waiting == SMFIC_OPTNEG)
		return take_optneg(p, &r, why);
	if (p->hooks->reply != NULL)
		p->hooks->reply(p->hooks->arg, p->waiting, &r);
	if (ms_reply_is_final(r.code))
		take_verdict(p, &r, out);
	return 0;
}

enum ms_state
ms_player_reply(struct ms_player *p, const struct milter_packet *pkt, struct buf *out)
{
	struct buf	 why;
	int		 ok;

	buf_init(&why, sizeof(p->error));
	ok = take_reply(p, pkt, out, &why) == 0;
	if (!ok) {
		(void)snprintf(p->error, sizeof(p->error), "%.*s", (int)why.len,
		    (const char *)why.data);
		p->stage = MS_STAGE_BROKEN;
	}
	buf_free(&why);
	return ok ? ms_player_advance(p, out) : MS_BROKEN;
}

static enum ms_state
side_advance(void *arg, struct buf *out)
{
	return ms_player_advance(arg, out);
}

static enum ms_state
side_reply(void *arg, const struct milter_packet *pkt, struct buf *out)
{
	return ms_player_reply(arg, pkt, out);
}

static int
side_waiting(const void *arg)
{
	const struct ms_player	*p = arg;

	return p->waiting;
}

static const char *
side_error(const void *arg)
{
	return ms_player_error(arg);
}

void
ms_player_side(struct ms_player *p, struct ms_side *side)
{
	side->arg = p;
	side->advance = side_advance;
	side->reply = side_reply;
	side->waiting = side_waiting;
	side->error = side_error;
	side->timeout = p->plan->timeout;
}
