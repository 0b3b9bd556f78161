/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <string.h>

#include "mta/emit.h"
#include "milter/wire_event.h"

/* Says what packets stand in the buffer from there on. */
static void
tell(const struct mta_player *p, const struct buf *out, size_t from)
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
 * The packets of an event but for the body; 1 if it is sent itself. Postfix
 * sends its macros even where the event is not wanted, but for the content.
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
	tell(p, out, from);
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
	mta_message_open(p);
	p->stage = MTA_STAGE_RCPT;
	(void)emit_event(p, out, SMFIC_MAIL, 0);
}

/* The next recipient that the filter is shown, if it wants to see any. */
static void
emit_one_rcpt(struct mta_player *p, struct buf *out)
{
	if (!emit_event(p, out, SMFIC_RCPT, p->rcpt) || !wants_reply(p, SMFIC_RCPT))
		mta_rcpt_accepted(p);
}

/* With no recipient left the MTA refuses DATA by itself. */
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
	mta_emit_abort(p, out);
	mta_message_close(p, &none);
}

/* Versions below 4 do not know it, nor its macros. */
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
	size_t			 n = m->body_len - p->body_off, from = out->len;

	if (n > MILTER_MAX_DATA)
		n = MILTER_MAX_DATA;
	if (n == 0 || !add_packets(p, out, SMFIC_BODY, 0)) {
		p->stage = MTA_STAGE_EOM;
		return;
	}
	milter_enc_raw(out, SMFIC_BODY, m->body + p->body_off, n);
	p->body_off += n;
	note_event(p, SMFIC_BODY);
	tell(p, out, from);
}

static void
emit_optneg(struct mta_player *p, struct buf *out)
{
	size_t	 from = out->len;

	milter_enc_optneg(out, p->plan->version, p->plan->actions, p->plan->protocol,
	    NULL);
	p->waiting = SMFIC_OPTNEG;
	p->stage = MTA_STAGE_CONNECT;
	tell(p, out, from);
}

void
mta_emit_stage(struct mta_player *p, struct buf *out)
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

void
mta_emit_abort(struct mta_player *p, struct buf *out)
{
	size_t	 from = out->len;

	milter_enc_simple(out, SMFIC_ABORT);
	tell(p, out, from);
}

void
mta_emit_quit(struct mta_player *p, struct buf *out)
{
	size_t	 from = out->len;

	/* Postfix makes sure: one more A, whether it is needed or not. */
	milter_enc_simple(out, SMFIC_ABORT);
	milter_enc_simple(out, SMFIC_QUIT);
	p->stage = MTA_STAGE_QUIT_SENT;
	tell(p, out, from);
}
