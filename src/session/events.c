/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/events.c: what the commands of the MTA make the current event. What is known of
 * client, message and recipient is written here.
 */
#include "base/compat.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "session/events.h"
#include "session/exclude.h"
#include "session/keep.h"
#include "session/message.h"
#include "session/session.h"
#include "session/verdict.h"
#include "state/current.h"
#include "state/known.h"

/* Bytes of an envelope: it must fit a block with all its recipients. */
#define MAX_ENVELOPE	(4u * 1024 * 1024)

/*
 * Sendmail writes IPv6 addresses with a prefix and all zeros, Postfix in the short form.
 * Returns 0 if the text is no address: that is not worth an outage, the client is then
 * unknown.
 */
static int
set_inet6(struct session *s, const char *text)
{
	struct in6_addr	 a6;
	char		 shown[INET6_ADDRSTRLEN];

	if (strncasecmp(text, "IPv6:", 5) == 0)
		text += 5;
	if (inet_pton(AF_INET6, text, &a6) != 1)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(&a6)) {
		inet_ntop(AF_INET, &a6.s6_addr[12], shown, sizeof(shown));
		s->client_family = "inet";
	} else {
		inet_ntop(AF_INET6, &a6, shown, sizeof(shown));
		s->client_family = "inet6";
	}
	s->client_address = xstrdup(shown);
	return 1;
}

/* The same for IPv4. */
static int
set_inet(struct session *s, const char *text)
{
	struct in_addr	 a4;
	char		 shown[INET_ADDRSTRLEN];

	if (inet_pton(AF_INET, text, &a4) != 1)
		return 0;
	inet_ntop(AF_INET, &a4, shown, sizeof(shown));
	s->client_address = xstrdup(shown);
	s->client_family = "inet";
	return 1;
}

static void
set_client(struct session *s, const struct milter_cmd *cmd)
{
	const char	*text = cmd->u.connect.address;
	int		 known = 0;

	known_changed(s, &s->told_client);
	s->client_host = xstrdup(cmd->u.connect.host);
	s->client_family = "unknown";
	if (cmd->u.connect.family == '4')
		known = set_inet(s, text);
	else if (cmd->u.connect.family == '6')
		known = set_inet6(s, text);
	else if (cmd->u.connect.family == 'L') {
		s->client_family = "unix";
		s->client_address = xstrdup(text);
	}
	if (known)
		s->client_port = cmd->u.connect.port;
}

static void
begin_connect(struct session *s, const struct milter_cmd *cmd)
{
	set_client(s, cmd);
	exclude_at_connect(s);
	current_begin(s, EV_CONNECT, SMFIC_CONNECT);
}

static void
begin_helo(struct session *s, const struct milter_cmd *cmd)
{
	free(s->helo);
	s->helo = xstrdup(cmd->u.helo.arg);
	known_changed(s, &s->told_helo);
	current_begin(s, EV_HELO, SMFIC_HELO);
}

static void
begin_mail(struct session *s, const struct milter_cmd *cmd)
{
	exclude_at_mail(s);
	message_open(s, cmd);
	current_begin(s, EV_MAIL, SMFIC_MAIL);
}

static int
too_many_recipients(const struct session *s, const struct mailbox *m)
{
	return s->message->nrecipients >= s->conf->max_recipients ||
	    s->message->envelope_bytes + mailbox_bytes(m) > MAX_ENVELOPE;
}

/* 1 if the MTA itself refused the recipient, and tells us only because we asked for that. */
static int
is_rejected(const struct session *s)
{
	const char	*mailer;

	if (!s->neg->rejected)
		return 0;
	mailer = macros_get(&s->macros, "rcpt_mailer");
	return mailer != NULL && strcmp(mailer, "error") == 0;
}

/* A recipient that is refused already is asked about nobody, but reported. */
static enum turn
begin_rcpt(struct session *s, const struct milter_cmd *cmd)
{
	current_begin(s, EV_RCPT, SMFIC_RCPT);
	if (s->message == NULL)
		return TURN_PASSED;
	s->cur.recipient = mailbox_new(cmd->u.envelope.address, cmd->u.envelope.args);
	if (is_rejected(s)) {
		s->cur.rejected = 1;
		return TURN_REFUSED;
	}
	if (!too_many_recipients(s, s->cur.recipient))
		return TURN_PASSED;
	log_msg(LOG_WARNING, s->ids, "rcpt %s: more than max-recipients (%u)",
	    s->cur.recipient->shown, s->conf->max_recipients);
	verdict_refuse_for(s, REFUSAL_RECIPIENTS);
	return TURN_REFUSED;
}

/* Bytes of a header in SMTP, where each LF within the value is a CRLF. */
static uint64_t
header_size(const struct session *s, const char *name, const char *value)
{
	uint64_t	 n = strlen(name) + strlen(value) + sizeof(":\r\n") - 1;

	if (!s->neg->leading_space)
		n++;
	while ((value = strchr(value, '\n')) != NULL) {
		n++;
		value++;
	}
	return n;
}

static void
begin_header(struct session *s, const struct milter_cmd *cmd)
{
	const char	*value = cmd->u.header.value;

	current_begin(s, EV_HEADER, SMFIC_HEADER);
	if (s->message == NULL)
		return;
	if (s->counts_headers && !session_is_shed(s))
		header_names_add(&s->message->headers, cmd->u.header.name);
	s->message->size += header_size(s, cmd->u.header.name, value);
	if (s->neg->leading_space && *value == ' ')
		value++;
	s->cur.header_name = cmd->u.header.name;
	s->cur.header_value = value;
	exclude_at_size(s);
	keep_header(s, cmd->u.header.name, cmd->u.header.value);
}

static void
take_body(struct session *s, const struct milter_cmd *cmd)
{
	if (s->message == NULL)
		return;
	s->message->size += cmd->u.body.len;
	if (s->wants_raw)
		buf_add(&s->cur.raw, cmd->u.body.data, cmd->u.body.len);
	if (s->wants_lf)
		newline_to_lf(&s->message->to_lf, cmd->u.body.data, cmd->u.body.len,
		    &s->cur.lf);
	exclude_at_size(s);
	keep_body(s, cmd->u.body.data, cmd->u.body.len);
}

static void
begin_body(struct session *s, const struct milter_cmd *cmd, int wire)
{
	current_begin(s, EV_BODY, wire);
	take_body(s, cmd);
}

/*
 * The end of a message is up to three events: a last piece of the body, which the
 * end-of-message command itself may have, a CR that has waited for its LF up to here, as a
 * piece of its own, and the end.
 */
void
events_end_of_body(struct session *s)
{
	if (s->message != NULL && s->message->to_lf.cr) {
		current_begin(s, EV_BODY, SMFIC_BODYEOB);
		newline_flush(&s->message->to_lf, &s->cur.lf);
		return;
	}
	current_begin(s, EV_END_OF_MESSAGE, SMFIC_BODYEOB);
	if (s->message != NULL && s->neg->has_size) {
		s->message->size += sizeof("\r\n") - 1;
		exclude_at_size(s);
		keep_end(s);
	}
}

static void
begin_unknown(struct session *s, const struct milter_cmd *cmd)
{
	current_begin(s, EV_UNKNOWN, SMFIC_UNKNOWN);
	s->cur.command = xstrdup(cmd->u.unknown.line);
}

void
events_disconnect(struct session *s, const char *reason)
{
	current_begin(s, EV_DISCONNECT, 0);
	s->cur.reason = reason;
}

int
events_begin(struct session *s, const struct milter_cmd *cmd, enum turn *turn)
{
	*turn = TURN_PASSED;
	switch (cmd->code) {
	case SMFIC_CONNECT:
		begin_connect(s, cmd);
		return 1;
	case SMFIC_HELO:
		begin_helo(s, cmd);
		return 1;
	case SMFIC_MAIL:
		begin_mail(s, cmd);
		return 1;
	case SMFIC_RCPT:
		*turn = begin_rcpt(s, cmd);
		return 1;
	case SMFIC_DATA:
		current_begin(s, EV_DATA, SMFIC_DATA);
		return 1;
	case SMFIC_HEADER:
		begin_header(s, cmd);
		return 1;
	case SMFIC_EOH:
		current_begin(s, EV_END_OF_HEADERS, SMFIC_EOH);
		return 1;
	case SMFIC_BODY:
		begin_body(s, cmd, SMFIC_BODY);
		return 1;
	case SMFIC_BODYEOB:
		if (cmd->u.body.len > 0)
			begin_body(s, cmd, SMFIC_BODYEOB);
		else
			events_end_of_body(s);
		return 1;
	case SMFIC_UNKNOWN:
		begin_unknown(s, cmd);
		return 1;
	}
	return 0;
}
