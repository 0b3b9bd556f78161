/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <stdio.h>
#include <string.h>

#include "ms_emit.h"

static const struct bits {
	int		 command;
	uint32_t	 no;		/* the event is not sent */
	uint32_t	 nr;		/* it is not answered */
	int		 content;
} bits[] = {
	{ SMFIC_HEADER,		SMFIP_NOHDRS,		SMFIP_NR_HDR,	1 },
	{ SMFIC_RCPT,		SMFIP_NORCPT,		SMFIP_NR_RCPT,	0 },
	{ SMFIC_BODY,		SMFIP_NOBODY,		SMFIP_NR_BODY,	1 },
	{ SMFIC_EOH,		SMFIP_NOEOH,		SMFIP_NR_EOH,	1 },
	{ SMFIC_MAIL,		SMFIP_NOMAIL,		SMFIP_NR_MAIL,	0 },
	{ SMFIC_DATA,		SMFIP_NODATA,		SMFIP_NR_DATA,	0 },
	{ SMFIC_CONNECT,	SMFIP_NOCONNECT,	SMFIP_NR_CONN,	0 },
	{ SMFIC_HELO,		SMFIP_NOHELO,		SMFIP_NR_HELO,	0 },
	{ SMFIC_BODYEOB,	0,			0,		0 },
};

static const struct bits *
bits_of(int command)
{
	size_t	 i;

	for (i = 0; bits[i].command != command; i++)
		;
	return &bits[i];
}

/*
 * The packets of an event; 1 if it is sent itself. Postfix sends its macros
 * even where the event is not wanted, but for the content.
 */
static int
begin_event(struct ms_player *p, struct buf *out, struct ms_event *ev, int command,
    size_t n)
{
	const struct bits	*b = bits_of(command);
	const struct ms_macros	*macros;
	int			 wanted = (p->terms.protocol & b->no) == 0;

	memset(ev, 0, sizeof(*ev));
	if (!wanted && b->content)
		return 0;
	if (wanted && command != SMFIC_BODY)
		ms_packets_add_event(p->packets, command, n, p->queue_id, out);
	else
		ms_packets_add_macros(p->packets, command, n, p->queue_id, out);
	ev->command = command;
	ev->wants_reply = (p->terms.protocol & b->nr) == 0;
	if (p->hooks->event != NULL) {
		macros = ms_packets_macros(p->packets, command, n, p->queue_id);
		ev->macros = macros->pairs;
		ev->nmacros = macros->npairs;
	}
	return wanted;
}

static void
end_event(struct ms_player *p, const struct ms_event *ev)
{
	p->events++;
	if (ev->wants_reply)
		p->waiting = ev->command;
	if (p->hooks->event != NULL)
		p->hooks->event(p->hooks->arg, ev);
}

static void
emit_plain(struct ms_player *p, struct buf *out, int command)
{
	struct ms_event	 ev;

	if (begin_event(p, out, &ev, command, 0))
		end_event(p, &ev);
}

static void
emit_connect(struct ms_player *p, struct buf *out)
{
	p->packets = ms_packets_get(p->plan, &p->terms);
	p->stage = MS_STAGE_HELO;
	emit_plain(p, out, SMFIC_CONNECT);
}

static void
emit_helo(struct ms_player *p, struct buf *out)
{
	p->stage = MS_STAGE_MAIL;
	emit_plain(p, out, SMFIC_HELO);
}

static void
emit_mail(struct ms_player *p, struct buf *out)
{
	struct ms_event	 ev;

	ms_message_open(p);
	p->stage = MS_STAGE_RCPT;
	if (!begin_event(p, out, &ev, SMFIC_MAIL, 0))
		return;
	ev.address = &p->plan->sender;
	end_event(p, &ev);
}

/* The next recipient that the filter is shown, if it wants to see any. */
static void
emit_one_rcpt(struct ms_player *p, struct buf *out)
{
	struct ms_event	 ev;
	int		 wanted;

	wanted = begin_event(p, out, &ev, SMFIC_RCPT, p->rcpt);
	if (wanted) {
		ev.address = &p->plan->rcpts[p->rcpt];
		end_event(p, &ev);
	}
	if (!wanted || !ev.wants_reply)
		ms_rcpt_accepted(p);
}

/* With no recipient left the MTA refuses DATA by itself. */
static void
emit_rcpt(struct ms_player *p, struct buf *out)
{
	struct ms_outcome	 none = { MS_REJECTED, 0, NULL };

	if (p->rcpt < p->plan->nrcpts) {
		emit_one_rcpt(p, out);
		return;
	}
	if (p->accepted > 0) {
		p->stage = MS_STAGE_DATA;
		return;
	}
	if (p->tempfailed > 0)
		none.result = MS_TEMPFAILED;
	ms_emit_abort(p, out, 0);
	ms_message_close(p, &none);
}

/* Versions below 4 do not know it, nor its macros. */
static void
emit_data(struct ms_player *p, struct buf *out)
{
	p->stage = MS_STAGE_HEADER;
	p->header = 0;
	if (p->terms.version >= 4)
		emit_plain(p, out, SMFIC_DATA);
}

static void
emit_header(struct ms_player *p, struct buf *out)
{
	const struct ms_header	*h = ms_packets_header(p->packets, p->header);
	struct ms_event		 ev;

	if (h == NULL || !begin_event(p, out, &ev, SMFIC_HEADER, p->header)) {
		p->stage = MS_STAGE_EOH;
		return;
	}
	p->header++;
	ev.header = h;
	end_event(p, &ev);
}

static void
emit_eoh(struct ms_player *p, struct buf *out)
{
	p->stage = MS_STAGE_BODY;
	p->body_off = 0;
	emit_plain(p, out, SMFIC_EOH);
}

static void
emit_body(struct ms_player *p, struct buf *out)
{
	const struct ms_message	*m = &p->plan->message;
	size_t			 n = m->body_len - p->body_off;
	struct ms_event		 ev;

	if (n > MILTER_MAX_DATA)
		n = MILTER_MAX_DATA;
	if (n == 0 || !begin_event(p, out, &ev, SMFIC_BODY, 0)) {
		p->stage = MS_STAGE_EOM;
		return;
	}
	ev.data = m->body + p->body_off;
	ev.len = n;
	p->body_off += n;
	milter_enc_raw(out, SMFIC_BODY, ev.data, n);
	end_event(p, &ev);
}

void
ms_emit_stage(struct ms_player *p, struct buf *out)
{
	switch (p->stage) {
	case MS_STAGE_OPTNEG:
		milter_enc_optneg(out, p->plan->version, p->plan->actions,
		    p->plan->protocol, NULL);
		p->waiting = SMFIC_OPTNEG;
		p->stage = MS_STAGE_CONNECT;
		break;
	case MS_STAGE_CONNECT:
		emit_connect(p, out);
		break;
	case MS_STAGE_HELO:
		emit_helo(p, out);
		break;
	case MS_STAGE_MAIL:
		emit_mail(p, out);
		break;
	case MS_STAGE_RCPT:
		emit_rcpt(p, out);
		break;
	case MS_STAGE_DATA:
		emit_data(p, out);
		break;
	case MS_STAGE_HEADER:
		emit_header(p, out);
		break;
	case MS_STAGE_EOH:
		emit_eoh(p, out);
		break;
	case MS_STAGE_BODY:
		emit_body(p, out);
		break;
	case MS_STAGE_EOM:
		emit_plain(p, out, SMFIC_BODYEOB);
		break;
	default:
		break;
	}
}

static void
report(struct ms_player *p, int command, const char *reason)
{
	struct ms_event	 ev;

	if (p->hooks->event == NULL)
		return;
	memset(&ev, 0, sizeof(ev));
	ev.command = command;
	ev.reason = reason;
	p->hooks->event(p->hooks->arg, &ev);
}

void
ms_emit_abort(struct ms_player *p, struct buf *out, int answered)
{
	milter_enc_simple(out, SMFIC_ABORT);
	if (!answered)
		report(p, SMFIC_ABORT, NULL);
}

void
ms_emit_quit(struct ms_player *p, struct buf *out)
{
	/* Postfix makes sure: one more A, whether it is needed or not. */
	milter_enc_simple(out, SMFIC_ABORT);
	milter_enc_simple(out, SMFIC_QUIT);
	report(p, SMFIC_QUIT, "quit");
	p->stage = MS_STAGE_QUIT_SENT;
}

void
ms_emit_close(struct ms_player *p)
{
	report(p, SMFIC_QUIT, "closed");
	p->stage = MS_STAGE_CLOSED;
}
