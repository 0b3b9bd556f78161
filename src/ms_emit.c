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
	uint32_t	 no;	/* the event is not sent */
	uint32_t	 nr;	/* it is not answered */
} bits[] = {
	{ SMFIC_CONNECT,	SMFIP_NOCONNECT,	SMFIP_NR_CONN },
	{ SMFIC_HELO,		SMFIP_NOHELO,		SMFIP_NR_HELO },
	{ SMFIC_MAIL,		SMFIP_NOMAIL,		SMFIP_NR_MAIL },
	{ SMFIC_RCPT,		SMFIP_NORCPT,		SMFIP_NR_RCPT },
	{ SMFIC_DATA,		SMFIP_NODATA,		SMFIP_NR_DATA },
	{ SMFIC_HEADER,		SMFIP_NOHDRS,		SMFIP_NR_HDR },
	{ SMFIC_EOH,		SMFIP_NOEOH,		SMFIP_NR_EOH },
	{ SMFIC_BODY,		SMFIP_NOBODY,		SMFIP_NR_BODY },
	{ SMFIC_BODYEOB,	0,			0 },
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
 * The macros of an event, and whether it is to be sent itself. Postfix sends
 * them even where the event is not wanted, but for the content.
 */
static int
begin_event(struct ms_player *p, struct buf *out, struct ms_event *ev, int command)
{
	const struct bits	*b = bits_of(command);
	int			 wanted = (p->terms.protocol & b->no) == 0;

	memset(ev, 0, sizeof(*ev));
	if (!wanted && strchr("LNB", command) != NULL)
		return 0;
	ms_macros_fill(&p->macros, command);
	milter_enc_macros(out, command, p->macros.pairs, p->macros.npairs);
	ev->command = command;
	ev->wants_reply = (p->terms.protocol & b->nr) == 0;
	ev->macros = p->macros.pairs;
	ev->nmacros = p->macros.npairs;
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
emit_connect(struct ms_player *p, struct buf *out)
{
	const struct ms_plan	*plan = p->plan;
	struct ms_event		 ev;

	p->stage = MS_STAGE_HELO;
	if (!begin_event(p, out, &ev, SMFIC_CONNECT))
		return;
	milter_enc_connect(out, plan->host, plan->family, plan->port, plan->address);
	end_event(p, &ev);
}

static void
emit_helo(struct ms_player *p, struct buf *out)
{
	struct ms_event	 ev;

	p->stage = MS_STAGE_MAIL;
	if (!begin_event(p, out, &ev, SMFIC_HELO))
		return;
	milter_enc_helo(out, p->plan->helo);
	end_event(p, &ev);
}

static void
emit_envelope(struct ms_player *p, struct buf *out, int command,
    const struct ms_address *a)
{
	struct ms_event	 ev;

	if (!begin_event(p, out, &ev, command)) {
		if (command == SMFIC_RCPT)
			ms_rcpt_accepted(p);
		return;
	}
	ev.address = a;
	milter_enc_envelope(out, command, a->address, a->args, a->nargs);
	end_event(p, &ev);
	if (command == SMFIC_RCPT && !ev.wants_reply)
		ms_rcpt_accepted(p);
}

static void
emit_mail(struct ms_player *p, struct buf *out)
{
	ms_message_open(p);
	p->stage = MS_STAGE_RCPT;
	emit_envelope(p, out, SMFIC_MAIL, &p->plan->sender);
}

/* With no recipient left the MTA refuses DATA by itself. */
static void
emit_rcpt(struct ms_player *p, struct buf *out)
{
	struct ms_outcome	 none = { MS_REJECTED, 0, NULL };

	p->macros.rcpt = NULL;
	if (p->rcpt < p->plan->nrcpts) {
		p->macros.rcpt = p->plan->rcpts[p->rcpt].address;
		emit_envelope(p, out, SMFIC_RCPT, &p->plan->rcpts[p->rcpt]);
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

static void
emit_plain(struct ms_player *p, struct buf *out, int command)
{
	struct ms_event	 ev;

	if (!begin_event(p, out, &ev, command))
		return;
	milter_enc_simple(out, command);
	end_event(p, &ev);
}

/* Versions below 4 do not know it, nor its macros. */
static void
emit_data(struct ms_player *p, struct buf *out)
{
	p->stage = MS_STAGE_HEADER;
	p->header = TAILQ_FIRST(&p->plan->message.headers);
	if (p->terms.version >= 4)
		emit_plain(p, out, SMFIC_DATA);
}

static void
emit_header(struct ms_player *p, struct buf *out)
{
	const struct ms_header	*h = p->header;
	const char		*value;
	struct ms_event		 ev;

	if (h == NULL || (p->terms.protocol & SMFIP_NOHDRS) != 0) {
		p->stage = MS_STAGE_EOH;
		return;
	}
	p->header = TAILQ_NEXT(h, entry);
	(void)begin_event(p, out, &ev, SMFIC_HEADER);
	value = h->text + h->value;
	if ((p->terms.protocol & SMFIP_HDR_LEADSPC) == 0 && value[0] == ' ')
		value++;
	milter_enc_header(out, h->name, value);
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
	if (n == 0 || !begin_event(p, out, &ev, SMFIC_BODY)) {
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
