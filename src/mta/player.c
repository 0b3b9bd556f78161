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
static const char greeting_text[] = "554 " MTA_HOSTNAME " ESMTP not accepting connections";
static const char shutdown_text[] = "421 4.7.0 Server closing connection";

struct mta_player *
mta_player_new(const struct mta_plan *plan, const struct mta_hooks *hooks)
{
	struct mta_player	*p = xcalloc(1, sizeof(*p));

	p->plan = plan;
	p->hooks = hooks;
	p->stage = MTA_STAGE_OPTNEG;
	return p;
}

void
mta_player_free(struct mta_player *p)
{
	if (p == NULL)
		return;
	mta_terms_free(&p->terms);
	mta_packets_release(p->packets);
	free(p);
}


size_t
mta_player_events(const struct mta_player *p)
{
	return p->events;
}

const char *
mta_player_error(const struct mta_player *p)
{
	return p->error;
}

void
mta_message_open(struct mta_player *p)
{
	static unsigned int	 count;

	count = (count + 1) & 0xffffff;
	(void)snprintf(p->queue_id, sizeof(p->queue_id), "%08X%06X",
	    p->plan->id_base, count);
	p->rcpt = p->accepted = p->tempfailed = 0;
	p->body = MTA_BODY_OLD;
	p->hooks->message_begin(p->hooks->arg, p->queue_id);
}

void
mta_message_close(struct mta_player *p, const struct mta_outcome *o)
{
	p->hooks->message_end(p->hooks->arg, o);
	p->stage = p->hooks->more(p->hooks->arg) ? MTA_STAGE_MAIL : MTA_STAGE_QUIT;
}

static void
rcpt_done(struct mta_player *p, const struct mta_outcome *o)
{
	if (p->hooks->recipient != NULL)
		p->hooks->recipient(p->hooks->arg, &p->plan->rcpts[p->rcpt], o);
	p->rcpt++;
}

void
mta_rcpt_accepted(struct mta_player *p)
{
	struct mta_outcome	 o = { MTA_DELIVERED, SMFIC_RCPT, NULL };

	p->accepted++;
	rcpt_done(p, &o);
}

enum mta_state
mta_player_advance(struct mta_player *p, struct buf *out)
{
	while (p->waiting == 0 && p->stage < MTA_STAGE_QUIT && buf_ok(out)) {
		if (out->len >= ENOUGH_OUT)
			return MTA_MORE;
		mta_emit_stage(p, out);
	}
	if (!buf_ok(out)) {
		(void)strlcpy(p->error, "a command that is too long for a milter packet",
		    sizeof(p->error));
		p->stage = MTA_STAGE_BROKEN;
		return MTA_BROKEN;
	}
	if (p->waiting != 0)
		return MTA_WAIT;
	if (p->stage == MTA_STAGE_QUIT)
		mta_emit_quit(p, out);
	else if (p->stage == MTA_STAGE_CLOSE) {
		if (p->hooks->closed != NULL)
			p->hooks->closed(p->hooks->arg);
		p->stage = MTA_STAGE_CLOSED;
	}
	return p->stage == MTA_STAGE_CLOSED ? MTA_CLOSE : MTA_QUIT;
}

/* What a verdict that is not continue does to what it is about. */
static void
outcome_of(const struct milter_reply *r, int command, char *plain,
    struct mta_outcome *o)
{
	o->command = command;
	o->smtp = plain;
	o->result = MTA_REJECTED;
	switch (r->code) {
	case SMFIR_REJECT:
		o->smtp = command == SMFIC_CONNECT ? greeting_text : reject_text;
		break;
	case SMFIR_TEMPFAIL:
		o->result = MTA_TEMPFAILED;
		o->smtp = tempfail_text;
		break;
	case SMFIR_SHUTDOWN:
		o->result = MTA_TEMPFAILED;
		o->smtp = shutdown_text;
		break;
	case SMFIR_REPLYCODE:
		if (plain[0] == '4')
			o->result = MTA_TEMPFAILED;
		break;
	case SMFIR_DISCARD:
		o->result = MTA_DISCARDED;
		break;
	default:
		o->result = MTA_DELIVERED;
		break;
	}
}

/* At connect and helo all that is final ends the session, and without a QUIT. */
static void
session_over(struct mta_player *p, const struct mta_outcome *o)
{
	mta_message_open(p);
	while (o->result == MTA_DELIVERED && p->rcpt < p->plan->nrcpts)
		mta_rcpt_accepted(p);
	p->hooks->message_end(p->hooks->arg, o);
	p->stage = MTA_STAGE_CLOSE;
}

static void
message_over(struct mta_player *p, const struct mta_outcome *o, int code, struct buf *out)
{
	while (o->result == MTA_DELIVERED && p->rcpt < p->plan->nrcpts)
		mta_rcpt_accepted(p);
	mta_emit_abort(p, out);
	if (code == SMFIR_SHUTDOWN || (o->smtp != NULL && smtp_text_closes(o->smtp))) {
		p->hooks->message_end(p->hooks->arg, o);
		p->stage = code == SMFIR_SHUTDOWN ? MTA_STAGE_CLOSE : MTA_STAGE_QUIT;
		return;
	}
	mta_message_close(p, o);
}

/* A refusal of one recipient, unless it also ends the session. */
static void
rcpt_refused(struct mta_player *p, const struct mta_outcome *o, int code, struct buf *out)
{
	rcpt_done(p, o);
	if (o->result == MTA_TEMPFAILED)
		p->tempfailed++;
	if (smtp_text_closes(o->smtp))
		message_over(p, o, code, out);
}

static void
take_verdict(struct mta_player *p, const struct milter_reply *r, struct buf *out)
{
	int			 command = p->waiting;
	char			*plain = NULL;
	struct mta_outcome	 o;

	p->waiting = 0;
	if (r->code == SMFIR_CONTINUE && command != SMFIC_BODYEOB) {
		if (command == SMFIC_RCPT)
			mta_rcpt_accepted(p);
		return;
	}
	if (r->code == SMFIR_SKIP) {
		p->stage = MTA_STAGE_EOM;
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
take_optneg(struct mta_player *p, const struct milter_reply *r, struct buf *why)
{
	struct mta_terms	 offer;

	memset(&offer, 0, sizeof(offer));
	offer.version = p->plan->version;
	offer.actions = p->plan->actions;
	offer.protocol = p->plan->protocol;
	if (mta_legal_optneg(&offer, r, &p->terms, why) == -1)
		return -1;
	p->waiting = 0;
	if (p->hooks->reply != NULL)
		p->hooks->reply(p->hooks->arg, SMFIC_OPTNEG, r);
	return 0;
}

static int
take_reply(struct mta_player *p, const struct milter_packet *pkt, struct buf *out,
    struct buf *why)
{
	struct milter_reply	 r;

	if (mta_legal_packet(&p->terms, p->waiting, pkt, &p->body, &r, why) == -1)
		return -1;
	if (p->waiting == SMFIC_OPTNEG)
		return take_optneg(p, &r, why);
	if (p->hooks->reply != NULL)
		p->hooks->reply(p->hooks->arg, p->waiting, &r);
	if (mta_reply_is_final(r.code))
		take_verdict(p, &r, out);
	return 0;
}

enum mta_state
mta_player_reply(struct mta_player *p, const struct milter_packet *pkt, struct buf *out)
{
	struct buf	 why;
	int		 ok;

	buf_init(&why, sizeof(p->error));
	ok = take_reply(p, pkt, out, &why) == 0;
	if (!ok) {
		(void)snprintf(p->error, sizeof(p->error), "%.*s", (int)why.len,
		    (const char *)why.data);
		p->stage = MTA_STAGE_BROKEN;
	}
	buf_free(&why);
	return ok ? mta_player_advance(p, out) : MTA_BROKEN;
}

static enum mta_state
side_advance(void *arg, struct buf *out)
{
	return mta_player_advance(arg, out);
}

static enum mta_state
side_reply(void *arg, const struct milter_packet *pkt, struct buf *out)
{
	return mta_player_reply(arg, pkt, out);
}

static int
side_waiting(const void *arg)
{
	const struct mta_player	*p = arg;

	return p->waiting;
}

static const char *
side_error(const void *arg)
{
	return mta_player_error(arg);
}

void
mta_player_side(struct mta_player *p, struct mta_side *side)
{
	side->arg = p;
	side->advance = side_advance;
	side->reply = side_reply;
	side->waiting = side_waiting;
	side->error = side_error;
	side->timeout = p->plan->timeout;
}
