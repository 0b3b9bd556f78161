/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * state/negotiate.c: what an MTA is asked for. Pure.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/handler_conf.h"
#include "milter/proto.h"
#include "state/negotiate.h"
#include "milter/wire_event.h"

#define AFTER_RCPT	(CONF_MESSAGE_EVENTS & ~(EV_BIT(EV_MAIL) | EV_BIT(EV_RCPT)))

static const uint32_t action_bits[ACT_MTA_COUNT] = {
	[ACT_ADD_HEADER] = SMFIF_ADDHDRS,
	[ACT_INSERT_HEADER] = SMFIF_ADDHDRS,
	[ACT_CHANGE_HEADER] = SMFIF_CHGHDRS,
	[ACT_DELETE_HEADER] = SMFIF_CHGHDRS,
	[ACT_CHANGE_SENDER] = SMFIF_CHGFROM,
	[ACT_ADD_RECIPIENT] = SMFIF_ADDRCPT,
	[ACT_DELETE_RECIPIENT] = SMFIF_DELRCPT,
	[ACT_REPLACE_BODY] = SMFIF_CHGBODY,
	[ACT_QUARANTINE] = SMFIF_QUARANTINE,
};

/* The macros that both MTAs send unasked: a list that we send replaces theirs. */
static const char *const usual_macros[SMFIM_COUNT] = {
	[SMFIM_CONNECT] = "j _ v {daemon_name} {daemon_addr} {if_name} {if_addr}",
	[SMFIM_HELO] = "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	[SMFIM_MAIL] = ("i {auth_type} {auth_authen} {auth_ssf} {auth_author} "
	    "{mail_mailer} {mail_host} {mail_addr}"),
	[SMFIM_RCPT] = "i {rcpt_mailer} {rcpt_host} {rcpt_addr}",
	[SMFIM_DATA] = "i",
	[SMFIM_EOM] = "i {msg_id}",
	/* Sendmail looks at the list of SMFIM_EOM only if this one is there too. */
	[SMFIM_EOH] = "i",
};

/* Everything that the handlers of a listener want. */
struct wants {
	unsigned int	 events;	/* to be sent at all */
	unsigned int	 answers;	/* to be answered */
	unsigned int	 actions;
	int		 rejected;	/* recipients that the MTA refused */
};

/* Why a handler needs rcpt, if neither events nor reports have it. */
static enum need
need_of_rcpt(const struct handler_conf *h, unsigned int own)
{
	if ((own & AFTER_RCPT) != 0 && (h->lines & LINES_RECIPIENT) != 0)
		return NEED_LINES;
	if ((conf_handler_actions(h) & ACT_BIT(ACT_DELETE_RECIPIENT)) != 0)
		return NEED_DELETE_RECIPIENT;
	return NEED_NOTHING;
}

static enum need
need_of_header(const struct handler_conf *h, unsigned int own)
{
	unsigned int	 actions = conf_handler_actions(h);

	if ((own & EV_BIT(EV_END_OF_HEADERS)) != 0)
		return NEED_END_OF_HEADERS;
	if ((actions & ACT_BIT(ACT_CHANGE_HEADER)) != 0)
		return NEED_CHANGE_HEADER;
	if ((actions & ACT_BIT(ACT_DELETE_HEADER)) != 0)
		return NEED_DELETE_HEADER;
	return NEED_NOTHING;
}

static enum need
need_of_connect(const struct handler_conf *h)
{
	if (h->except_clients.set || h->only_clients.set)
		return NEED_CLIENTS;
	return (h->lines & LINES_CLIENT) != 0 || h->received ? NEED_LINES : NEED_NOTHING;
}

/* Why a handler needs an event that it neither answers nor has reported. own: its events. */
static enum need
need_of_others(const struct handler_conf *h, unsigned int own, enum event_kind ev)
{
	enum need	 need = NEED_NOTHING;

	if (ev == EV_CONNECT && own != 0)
		need = need_of_connect(h);
	else if (ev == EV_HELO && (own & ~EV_BIT(EV_CONNECT)) != 0 &&
	    ((h->lines & LINE_BIT(LINE_HELO)) != 0 || h->received))
		need = NEED_LINES;
	else if (ev == EV_MAIL && (own & CONF_MESSAGE_EVENTS) != 0)
		need = NEED_MESSAGE;
	else if (ev == EV_RCPT)
		need = need_of_rcpt(h, own);
	else if (ev == EV_HEADER)
		need = need_of_header(h, own);
	if (ev != EV_HEADER && ev != EV_BODY && ev != EV_END_OF_MESSAGE)
		return need;
	if (conf_handler_wants_message(h))
		return NEED_WHOLE;
	if (need == NEED_NOTHING && h->max_message > 0 && (own & CONF_MESSAGE_EVENTS) != 0)
		return NEED_SIZE;
	return need;
}

enum need
negotiate_need(const struct handler_conf *h, enum event_kind ev)
{
	unsigned int	 own = conf_handler_events(h);

	if ((conf_handler_answers(h) & EV_BIT(ev)) != 0)
		return NEED_ANSWER;
	if ((h->reports & EV_BIT(ev)) != 0)
		return NEED_REPORT;
	return need_of_others(h, own, ev);
}

static unsigned int
needed_events(const struct handler_conf *h)
{
	unsigned int	 need = 0;
	int		 ev;

	for (ev = 0; ev < EV_COUNT; ev++)
		if (negotiate_need(h, (enum event_kind)ev) != NEED_NOTHING)
			need |= EV_BIT(ev);
	return need;
}

/* Sendmail tells no RSET after a MAIL that it had no answer to. */
int
negotiate_answers_mail(const struct handler_conf *h)
{
	return (h->reports & EV_BIT(EV_ABORT)) != 0 ||
	    (h->scope != SCOPE_EVENT && (conf_handler_events(h) & CONF_MESSAGE_EVENTS) != 0);
}

static void
collect_wants(const struct conf *conf, const struct listen_conf *l, struct wants *w)
{
	const struct handler_conf	*h;
	size_t				 i;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < l->nhandlers; i++) {
		h = &conf->handlers[l->handlers[i]];
		w->events |= needed_events(h);
		w->answers |= conf_handler_answers(h);
		if (negotiate_answers_mail(h))
			w->answers |= EV_BIT(EV_MAIL);
		if (h->rejected_recipients && (h->reports & EV_BIT(EV_RCPT)) != 0)
			w->rejected = 1;
		w->actions |= conf_handler_actions(h);
	}
}

static uint32_t
wanted_action_bits(unsigned int actions)
{
	uint32_t	 bits = 0;
	int		 i;

	for (i = 0; i < ACT_MTA_COUNT; i++)
		if ((actions & ACT_BIT(i)) != 0)
			bits |= action_bits[i];
	if ((actions & ACT_BIT(ACT_ADD_RECIPIENT)) != 0)
		bits |= SMFIF_ADDRCPT_PAR;
	return bits;
}

/* An old MTA may lack the event and the bit for it. */
static int
event_offered(enum event_kind ev, uint32_t version)
{
	if (ev == EV_UNKNOWN)
		return version >= 3;
	if (ev == EV_DATA)
		return version >= 4;
	return 1;
}

static const char *
what_is_missing(const struct handler_conf *h, uint32_t version, uint32_t actions)
{
	int	 i;

	for (i = 0; i < EV_COUNT; i++)
		if ((h->events & EV_BIT(i)) != 0 && !event_offered((enum event_kind)i, version))
			return event_name((enum event_kind)i);
	for (i = 0; i < ACT_MTA_COUNT; i++)
		if ((h->actions & ACT_BIT(i)) != 0 && (actions & action_bits[i]) == 0)
			return action_name((enum action_kind)i);
	return NULL;
}

/* Returns 1 if a handler that can't work here refuses messages, which happens at `mail'. */
static int
find_missing(const struct conf *conf, const struct listen_conf *l, uint32_t version,
    uint32_t actions, const char **missing)
{
	const struct handler_conf	*h;
	size_t				 i;
	int				 refuses = 0;

	for (i = 0; i < l->nhandlers; i++) {
		h = &conf->handlers[l->handlers[i]];
		missing[i] = what_is_missing(h, version, actions);
		if (missing[i] != NULL && conf_outcome_refuses(&h->on_failure) && !h->shadow)
			refuses = 1;
	}
	return refuses;
}

static uint32_t
protocol_bits(const struct wants *w)
{
	const struct wire_event	*ev;
	uint32_t		 bits = 0;
	int			 i;

	for (i = 0; i < EV_COUNT; i++) {
		if ((ev = wire_event_of((enum event_kind)i)) == NULL)
			continue;
		if ((w->events & EV_BIT(i)) == 0)
			bits |= ev->no;
		else if ((w->answers & EV_BIT(i)) == 0)
			bits |= ev->nr;
	}
	if ((w->events & EV_BIT(EV_BODY)) != 0)
		bits |= SMFIP_SKIP;
	if (w->rejected)
		bits |= SMFIP_RCPT_REJ;
	if ((w->events & EV_BIT(EV_HEADER)) != 0 ||
	    (wanted_action_bits(w->actions) & (SMFIF_ADDHDRS | SMFIF_CHGHDRS)) != 0)
		bits |= SMFIP_HDR_LEADSPC;
	return bits;
}

static void
derive_rest(const struct wants *w, struct negotiated *n)
{
	const struct wire_event	*ev;
	int			 i;

	n->no_reply = n->sent = 0;
	for (i = 0; i < EV_COUNT; i++) {
		ev = wire_event_of((enum event_kind)i);
		if (ev != NULL && (n->protocol & ev->nr) != 0)
			n->no_reply |= EV_BIT(i);
		if ((ev == NULL || (n->protocol & ev->no) == 0) &&
		    event_offered((enum event_kind)i, n->version))
			n->sent |= EV_BIT(i);
	}
	n->granted = 0;
	for (i = 0; i < ACT_MTA_COUNT; i++)
		if ((n->actions & action_bits[i]) != 0)
			n->granted |= ACT_BIT(i);
	n->skip = (n->protocol & SMFIP_SKIP) != 0;
	n->leading_space = (n->protocol & SMFIP_HDR_LEADSPC) != 0;
	n->rejected = (n->protocol & SMFIP_RCPT_REJ) != 0;
	n->add_rcpt_args = (n->actions & SMFIF_ADDRCPT_PAR) != 0;
	n->has_size = (w->events & EV_BIT(EV_HEADER)) != 0 &&
	    (w->events & EV_BIT(EV_BODY)) != 0;
}

static int
wants_macros(const struct conf *conf, const struct listen_conf *l)
{
	size_t	 i;
	int	 stage;

	for (i = 0; i < l->nhandlers; i++)
		for (stage = 0; stage < SMFIM_COUNT; stage++)
			if (conf->handlers[l->handlers[i]].macros[stage] != NULL)
				return 1;
	return 0;
}

int
negotiate(const struct conf *conf, const struct listen_conf *l, uint32_t version,
    uint32_t actions, uint32_t protocol, struct negotiated *n, const char **missing)
{
	struct wants	 w;

	if (version < MILTER_VERSION_MIN)
		return -1;
	/* libmilter/engine.c: a word of zero stands for the bits of version 1. */
	if (actions == 0)
		actions = SMFIF_V1;
	if (protocol == 0)
		protocol = SMFIP_V1;
	collect_wants(conf, l, &w);
	n->version = version < MILTER_VERSION ? version : MILTER_VERSION;
	if (find_missing(conf, l, n->version, actions, missing)) {
		w.events |= EV_BIT(EV_MAIL);
		w.answers |= EV_BIT(EV_MAIL);
	}
	n->actions = wanted_action_bits(w.actions) & actions;
	if ((actions & SMFIF_SETSYMLIST) != 0 && wants_macros(conf, l))
		n->actions |= SMFIF_SETSYMLIST;
	n->protocol = protocol_bits(&w) & protocol & ~SMFI_INTERNAL;
	derive_rest(&w, n);
	return 0;
}

/* 1 if list, names with one space between them, has the name of len bytes. */
static int
list_has_name(const struct buf *list, const char *name, size_t len)
{
	const char	*p = (const char *)list->data, *end;
	size_t		 n;

	if (list->len == 0)
		return 0;
	for (end = p + list->len; p < end; p += n + 1) {
		for (n = 0; p + n < end && p[n] != ' '; n++)
			;
		if (n == len && memcmp(p, name, len) == 0)
			return 1;
	}
	return 0;
}

/* Adds the names that list lacks, as many as Sendmail takes. */
static void
add_names(struct buf *list, size_t *count, const char *names)
{
	size_t	 len;

	for (; *names != '\0'; names += len + (names[len] == ' ')) {
		len = strcspn(names, " ");
		if (len == 0 || *count >= MILTER_MAX_MACROS || list_has_name(list, names, len))
			continue;
		if (list->len > 0)
			buf_add_str(list, " ");
		buf_add(list, names, len);
		(*count)++;
	}
}

void
negotiate_macros(const struct conf *conf, const struct listen_conf *l, char **lists)
{
	struct buf	 list;
	const char	*wish;
	size_t		 i, count;
	int		 stage, wanted = wants_macros(conf, l);

	for (stage = 0; stage < SMFIM_COUNT; stage++) {
		lists[stage] = NULL;
		if (!wanted)
			continue;
		buf_init(&list, MILTER_MAX_DATA / SMFIM_COUNT - 16);
		count = 0;
		add_names(&list, &count, usual_macros[stage]);
		for (i = 0; i < l->nhandlers; i++) {
			wish = conf->handlers[l->handlers[i]].macros[stage];
			if (wish != NULL)
				add_names(&list, &count, wish);
		}
		lists[stage] = buf_steal(&list, NULL);
	}
}
