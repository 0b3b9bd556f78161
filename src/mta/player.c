/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * mta/player.c: one SMTP session over one milter connection: what is sent next,
 * and what each reply of the filter does to the session.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmalloc.h"
#include "milter/smtp_text.h"
#include "milter/wire_event.h"
#include "mta/packets.h"
#include "mta/player.h"

/* Bytes for one write: a large message is not kept in memory twice. */
#define ENOUGH_OUT	((size_t)256 * 1024)

static const char reject_text[] = "550 5.7.1 Command rejected";
static const char tempfail_text[] = "451 4.7.1 Service unavailable - try again later";
static const char greeting_text[] = "554 " MTA_HOSTNAME " ESMTP not accepting connections";
static const char shutdown_text[] = "421 4.7.0 Server closing connection";

/* What the player sends next. */
enum mta_stage {
	MTA_STAGE_OPTNEG,
	MTA_STAGE_CONNECT,
	MTA_STAGE_HELO,
	MTA_STAGE_MAIL,
	MTA_STAGE_RCPT,
	MTA_STAGE_DATA,
	MTA_STAGE_HEADER,
	MTA_STAGE_EOH,
	MTA_STAGE_BODY,
	MTA_STAGE_EOM,
	MTA_STAGE_QUIT,
	MTA_STAGE_CLOSE,		/* the session ends without a QUIT */
	MTA_STAGE_QUIT_SENT,
	MTA_STAGE_CLOSED,
	MTA_STAGE_BROKEN
};

struct mta_player {
	const struct mta_plan	*plan;
	const struct mta_hooks	*hooks;
	struct mta_terms	 terms;
	struct mta_packets	*packets;	/* NULL before connect */
	enum mta_stage		 stage;
	int			 waiting;	/* SMFIC_ of the command to be answered, or 0 */
	size_t			 events;
	/* Of the message: */
	size_t			 rcpt;		/* index of the next, or the one asked about */
	size_t			 accepted, tempfailed;
	size_t			 header;	/* index of the next one */
	size_t			 body_off;
	enum mta_body		 body;
	char			 queue_id[MTA_QUEUE_ID_LEN + 1];
	char			 error[512];
};

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

static void
open_message(struct mta_player *p)
{
	static unsigned int	 count;

	count = (count + 1) & 0xffffff;
	(void)snprintf(p->queue_id, sizeof(p->queue_id), "%08X%06X",
	    p->plan->id_base, count);
	p->rcpt = p->accepted = p->tempfailed = 0;
	p->body = MTA_BODY_OLD;
	p->hooks->message_begin(p->hooks->arg, p->queue_id);
}

static void
close_message(struct mta_player *p, const struct mta_outcome *o)
{
	p->hooks->message_end(p->hooks->arg, o);
	p->stage = p->hooks->more(p->hooks->arg) ? MTA_STAGE_MAIL : MTA_STAGE_QUIT;
}

static void
end_rcpt(struct mta_player *p, const struct mta_outcome *o)
{
	if (p->hooks->recipient != NULL)
		p->hooks->recipient(p->hooks->arg, &p->plan->rcpts[p->rcpt], o);
	p->rcpt++;
}

static void
accept_rcpt(struct mta_player *p)
{
	struct mta_outcome	 o = { MTA_DELIVERED, SMFIC_RCPT, NULL };

	p->accepted++;
	end_rcpt(p, &o);
}

/* Tells the hook which packets are in the buffer from this offset on. */
static void
show_packets(const struct mta_player *p, const struct buf *out, size_t from)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used;

	if (p->hooks->command == NULL || !buf_ok(out))
		return;
	for (; milter_frame(out->data + from, out->len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used)
		if (milter_dec_cmd(&pkt, &cmd, &why) == 0)
			p->hooks->command(p->hooks->arg, &cmd);
}

static int
wants_reply(const struct mta_player *p, int command)
{
	return (p->terms.protocol & wire_event_find(command)->nr) == 0;
}

/*
 * Adds the packets of an event other than the data of body. Returns 1 if the
 * event itself is sent. As Postfix does, sends the macros even of an event that
 * the filter does not want, except for headers, end-of-headers and body.
 */
static int
add_packets(struct mta_player *p, struct buf *out, int command, size_t n)
{
	int	 is_content = strchr("LNB", command) != NULL;
	int	 wanted = (p->terms.protocol & wire_event_find(command)->no) == 0;

	if (!wanted && is_content)
		return 0;
	if (wanted && command != SMFIC_BODY)
		mta_packets_add_event(p->packets, command, n, p->queue_id, out);
	else
		mta_packets_add_macros(p->packets, command, n, p->queue_id, out);
	return wanted;
}

static void
note_event(struct mta_player *p, int command)
{
	p->events++;
	if (wants_reply(p, command))
		p->waiting = command;
}

/* 1 if the event is sent. */
static int
emit_event(struct mta_player *p, struct buf *out, int command, size_t n)
{
	size_t	 from = out->len;
	int	 wanted = add_packets(p, out, command, n);

	if (wanted)
		note_event(p, command);
	show_packets(p, out, from);
	return wanted;
}

static void
emit_connect(struct mta_player *p, struct buf *out)
{
	p->packets = mta_packets_get(p->plan, &p->terms);
	p->stage = MTA_STAGE_HELO;
	(void)emit_event(p, out, SMFIC_CONNECT, 0);
}

static void
emit_helo(struct mta_player *p, struct buf *out)
{
	p->stage = MTA_STAGE_MAIL;
	(void)emit_event(p, out, SMFIC_HELO, 0);
}

static void
emit_mail(struct mta_player *p, struct buf *out)
{
	open_message(p);
	p->stage = MTA_STAGE_RCPT;
	(void)emit_event(p, out, SMFIC_MAIL, 0);
}

/*
 * Sends the next recipient. The filter accepts it if it does not want to see or
 * answer it.
 */
static void
emit_one_rcpt(struct mta_player *p, struct buf *out)
{
	if (!emit_event(p, out, SMFIC_RCPT, p->rcpt) || !wants_reply(p, SMFIC_RCPT))
		accept_rcpt(p);
}

static void
emit_abort(struct mta_player *p, struct buf *out)
{
	size_t	 from = out->len;

	milter_enc_simple(out, SMFIC_ABORT);
	show_packets(p, out, from);
}

/* If no recipient is left, the MTA refuses DATA by itself. */
static void
emit_rcpt(struct mta_player *p, struct buf *out)
{
	struct mta_outcome	 none = { MTA_REJECTED, 0, NULL };

	if (p->rcpt < p->plan->nrcpts) {
		emit_one_rcpt(p, out);
		return;
	}
	if (p->accepted > 0) {
		p->stage = MTA_STAGE_DATA;
		return;
	}
	if (p->tempfailed > 0)
		none.result = MTA_TEMPFAILED;
	emit_abort(p, out);
	close_message(p, &none);
}

/* Versions below 4 have neither this event nor its macros. */
static void
emit_data(struct mta_player *p, struct buf *out)
{
	p->stage = MTA_STAGE_HEADER;
	p->header = 0;
	if (p->terms.version >= 4)
		(void)emit_event(p, out, SMFIC_DATA, 0);
}

static void
emit_header(struct mta_player *p, struct buf *out)
{
	if (mta_packets_header(p->packets, p->header) == NULL ||
	    !emit_event(p, out, SMFIC_HEADER, p->header))
		p->stage = MTA_STAGE_EOH;
	else
		p->header++;
}

static void
emit_eoh(struct mta_player *p, struct buf *out)
{
	p->stage = MTA_STAGE_BODY;
	p->body_off = 0;
	(void)emit_event(p, out, SMFIC_EOH, 0);
}

static void
emit_body(struct mta_player *p, struct buf *out)
{
	const struct mta_message	*m = &p->plan->message;
	size_t				 n = m->body_len - p->body_off, from = out->len;

	if (n > MILTER_MAX_DATA)
		n = MILTER_MAX_DATA;
	if (n == 0 || !add_packets(p, out, SMFIC_BODY, 0)) {
		p->stage = MTA_STAGE_EOM;
		return;
	}
	milter_enc_raw(out, SMFIC_BODY, m->body + p->body_off, n);
	p->body_off += n;
	note_event(p, SMFIC_BODY);
	show_packets(p, out, from);
}

static void
emit_optneg(struct mta_player *p, struct buf *out)
{
	size_t	 from = out->len;

	milter_enc_optneg(out, p->plan->version, p->plan->actions, p->plan->protocol,
	    NULL);
	p->waiting = SMFIC_OPTNEG;
	p->stage = MTA_STAGE_CONNECT;
	show_packets(p, out, from);
}

static void
emit_stage(struct mta_player *p, struct buf *out)
{
	switch (p->stage) {
	case MTA_STAGE_OPTNEG:
		emit_optneg(p, out);
		break;
	case MTA_STAGE_CONNECT:
		emit_connect(p, out);
		break;
	case MTA_STAGE_HELO:
		emit_helo(p, out);
		break;
	case MTA_STAGE_MAIL:
		emit_mail(p, out);
		break;
	case MTA_STAGE_RCPT:
		emit_rcpt(p, out);
		break;
	case MTA_STAGE_DATA:
		emit_data(p, out);
		break;
	case MTA_STAGE_HEADER:
		emit_header(p, out);
		break;
	case MTA_STAGE_EOH:
		emit_eoh(p, out);
		break;
	case MTA_STAGE_BODY:
		emit_body(p, out);
		break;
	case MTA_STAGE_EOM:
		(void)emit_event(p, out, SMFIC_BODYEOB, 0);
		break;
	default:
		break;
	}
}

static void
emit_quit(struct mta_player *p, struct buf *out)
{
	size_t	 from = out->len;

	/* Postfix always sends one more A before Q, needed or not. */
	milter_enc_simple(out, SMFIC_ABORT);
	milter_enc_simple(out, SMFIC_QUIT);
	p->stage = MTA_STAGE_QUIT_SENT;
	show_packets(p, out, from);
}

enum mta_state
mta_player_advance(struct mta_player *p, struct buf *out)
{
	while (p->waiting == 0 && p->stage < MTA_STAGE_QUIT && buf_ok(out)) {
		if (out->len >= ENOUGH_OUT)
			return MTA_MORE;
		emit_stage(p, out);
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
		emit_quit(p, out);
	else if (p->stage == MTA_STAGE_CLOSE) {
		if (p->hooks->closed != NULL)
			p->hooks->closed(p->hooks->arg);
		p->stage = MTA_STAGE_CLOSED;
	}
	return p->stage == MTA_STAGE_CLOSED ? MTA_CLOSE : MTA_QUIT;
}

/*
 * What a verdict other than continue does to the recipient or message that it
 * is about.
 */
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

/* Any verdict other than continue at connect or helo ends the session, without a QUIT. */
static void
decide_session(struct mta_player *p, const struct mta_outcome *o)
{
	open_message(p);
	while (o->result == MTA_DELIVERED && p->rcpt < p->plan->nrcpts)
		accept_rcpt(p);
	p->hooks->message_end(p->hooks->arg, o);
	p->stage = MTA_STAGE_CLOSE;
}

static void
decide_message(struct mta_player *p, const struct mta_outcome *o, int code, struct buf *out)
{
	while (o->result == MTA_DELIVERED && p->rcpt < p->plan->nrcpts)
		accept_rcpt(p);
	emit_abort(p, out);
	if (code == SMFIR_SHUTDOWN || (o->smtp != NULL && smtp_text_closes(o->smtp))) {
		p->hooks->message_end(p->hooks->arg, o);
		p->stage = code == SMFIR_SHUTDOWN ? MTA_STAGE_CLOSE : MTA_STAGE_QUIT;
		return;
	}
	close_message(p, o);
}

/* Refuses one recipient. Some replies also end the session. */
static void
refuse_rcpt(struct mta_player *p, const struct mta_outcome *o, int code, struct buf *out)
{
	end_rcpt(p, o);
	if (o->result == MTA_TEMPFAILED)
		p->tempfailed++;
	if (smtp_text_closes(o->smtp))
		decide_message(p, o, code, out);
}

static void
apply_verdict(struct mta_player *p, const struct milter_reply *r, struct buf *out)
{
	int			 command = p->waiting;
	char			*plain = NULL;
	struct mta_outcome	 o;

	p->waiting = 0;
	if (r->code == SMFIR_CONTINUE && command != SMFIC_BODYEOB) {
		if (command == SMFIC_RCPT)
			accept_rcpt(p);
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
		decide_session(p, &o);
	else if (command == SMFIC_RCPT && o.smtp != NULL)
		refuse_rcpt(p, &o, r->code, out);
	else
		decide_message(p, &o, r->code, out);
	free(plain);
}

static int
take_terms(struct mta_player *p, const struct milter_reply *r, struct buf *why)
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
take_answer_packet(struct mta_player *p, const struct milter_packet *pkt,
    struct buf *out, struct buf *why)
{
	struct milter_reply	 r;

	if (mta_legal_packet(&p->terms, p->waiting, pkt, &p->body, &r, why) == -1)
		return -1;
	if (p->waiting == SMFIC_OPTNEG)
		return take_terms(p, &r, why);
	if (p->hooks->reply != NULL)
		p->hooks->reply(p->hooks->arg, p->waiting, &r);
	if (mta_reply_is_final(r.code))
		apply_verdict(p, &r, out);
	return 0;
}

enum mta_state
mta_player_reply(struct mta_player *p, const struct milter_packet *pkt, struct buf *out)
{
	struct buf	 why;
	int		 ok;

	buf_init(&why, sizeof(p->error));
	ok = take_answer_packet(p, pkt, out, &why) == 0;
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
