/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "base/log.h"
#include "session/parts.h"
#include "base/xmalloc.h"

/* Reports that may wait for one session before its MTA is no longer read. */
#define MAX_WAITING_TASKS	32
#define MAX_WAITING_BYTES	(512 * 1024)

/* What has to be kept for the handler at an index, beside the envelope. */
static void
note_wishes(struct session *s, unsigned int index)
{
	const struct handler_conf	*h = session_handler(s, index);

	if ((h->lines & LINE_BIT(LINE_MACRO)) != 0)
		s->takes_macros |= (uint64_t)1 << index;
	if (handler_wants_message(h))
		s->keeps |= (uint64_t)1 << index;
	if (h->output == OUTPUT_MESSAGE)
		s->counts_headers = 1;
	if ((handler_actions(h) & (ACT_BIT(ACT_CHANGE_HEADER) | ACT_BIT(ACT_DELETE_HEADER))) != 0)
		s->counts_headers = 1;
	if ((handler_events(h) & EV_BIT(EV_BODY)) == 0)
		return;
	if (h->keep_newlines)
		s->wants_raw = 1;
	else
		s->wants_lf = 1;
}

struct session *
session_new(const struct conf *conf, const struct listen_conf *l,
    const struct negotiated *neg, const char *const *missing)
{
	static unsigned int	 number;
	static uint32_t		 run;
	struct session		*s = xcalloc(1, sizeof(*s));
	unsigned int		 i;

	if (run == 0)
		run = arc4random();
	snprintf(s->id, sizeof(s->id), "%08x.%u", run, ++number);
	s->conf = conf;
	s->listen = l;
	s->own_neg = *neg;
	s->neg = &s->own_neg;
	s->client_port = -1;
	s->nh = (unsigned int)l->nhandlers;
	s->h = xcalloc(s->nh, sizeof(*s->h));
	for (i = 0; i < s->nh; i++) {
		TAILQ_INIT(&s->h[i].tasks);
		s->h[i].session = s;
		s->h[i].index = i;
		s->h[i].missing = missing[i];
		note_wishes(s, i);
	}
	macros_init(&s->macros);
	context_init(&s->context);
	s->cur.asked = s->cur.answered_by = -1;
	buf_init(&s->cur.kept, MILTER_MAX_DATA);
	buf_init(&s->cur.raw, MILTER_MAX_DATA);
	buf_init(&s->cur.lf, MILTER_MAX_DATA + 1);
	session_write_first(s);
	session_update_ids(s);
	return s;
}

void
session_free(struct session *s)
{
	unsigned int	 i;

	if (s->ntasks != 0)
		fatalx("session %s is freed with %u tasks in its lines", s->id, s->ntasks);
	for (i = 0; i < s->nh; i++)
		if (s->h[i].proc != NULL)
			fatalx("session %s is freed while a process serves it", s->id);
	message_close(s, 0);
	current_clear(&s->cur);
	buf_free(&s->cur.kept);
	buf_free(&s->cur.raw);
	buf_free(&s->cur.lf);
	macros_clear(&s->macros);
	context_clear(&s->context);
	free(s->client_host);
	free(s->client_address);
	free(s->helo);
	free(s->h);
	free(s);
}

int
session_is_full(const struct session *s)
{
	return s->ntasks >= MAX_WAITING_TASKS || s->task_bytes >= MAX_WAITING_BYTES;
}

/*
 * Sendmail writes IPv6 addresses with a prefix and all zeros, Postfix in the
 * short form. A text that is no address is not worth an outage: the client
 * is then unknown.
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

	s->told_client = 0;
	s->changed = ~(uint64_t)0;
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

static enum step
on_connect(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	set_client(s, cmd);
	exclude_at_connect(s);
	ask_begin(s, EV_CONNECT, SMFIC_CONNECT);
	return ask_next(s, out);
}

static enum step
on_helo(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	free(s->helo);
	s->helo = xstrdup(cmd->u.helo.arg);
	s->told_helo = 0;
	s->changed = ~(uint64_t)0;
	ask_begin(s, EV_HELO, SMFIC_HELO);
	return ask_next(s, out);
}

static enum step
on_mail(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	exclude_at_mail(s);
	message_open(s, cmd);
	ask_begin(s, EV_MAIL, SMFIC_MAIL);
	return ask_next(s, out);
}

static int
too_many_recipients(const struct session *s, const struct mailbox *m)
{
	/* An envelope must stay small enough to be handed on in one block. */
	return s->message->nrecipients >= s->conf->max_recipients ||
	    s->message->envelope_bytes + mailbox_bytes(m) > 4u * 1024 * 1024;
}

/* The MTA refused it, and tells us only because we asked for that. */
static int
is_rejected(const struct session *s)
{
	const char	*mailer;

	if (!s->neg->rejected)
		return 0;
	mailer = macros_get(&s->macros, "rcpt_mailer");
	return mailer != NULL && strcmp(mailer, "error") == 0;
}

static enum step
on_rcpt(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	ask_begin(s, EV_RCPT, SMFIC_RCPT);
	if (s->message == NULL)
		return ask_next(s, out);
	s->cur.recipient = mailbox_new(cmd->u.envelope.address, cmd->u.envelope.args);
	if (is_rejected(s)) {
		s->cur.rejected = 1;
		return answer_event(s, out);
	}
	if (too_many_recipients(s, s->cur.recipient)) {
		log_msg(LOG_WARNING, s->ids, "rcpt %s: more than max-recipients (%u)",
		    s->cur.recipient->shown, s->conf->max_recipients);
		verdict_refuse_recipients(s);
		return answer_event(s, out);
	}
	return ask_next(s, out);
}

/* As it stands on the wire of SMTP: each LF within a value is a CRLF there. */
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

static enum step
on_header(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	const char	*value = cmd->u.header.value;

	ask_begin(s, EV_HEADER, SMFIC_HEADER);
	if (s->message != NULL) {
		if (s->counts_headers)
			header_names_add(&s->message->headers, cmd->u.header.name);
		s->message->size += header_size(s, cmd->u.header.name, value);
		if (s->neg->leading_space && *value == ' ')
			value++;
		s->cur.header_name = cmd->u.header.name;
		s->cur.header_value = value;
		exclude_at_size(s);
		keep_header(s, cmd->u.header.name, cmd->u.header.value);
	}
	return ask_next(s, out);
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

static enum step
on_body(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	ask_begin(s, EV_BODY, SMFIC_BODY);
	take_body(s, cmd);
	return ask_next(s, out);
}

/*
 * The end of a message: a last piece that E itself may carry, then the CR
 * that waited for an LF in vain, as a piece of its own, then the event.
 */
enum step
session_end_of_body(struct session *s, struct buf *out)
{
	if (s->message != NULL && s->message->to_lf.cr) {
		ask_begin(s, EV_BODY, SMFIC_BODYEOB);
		newline_flush(&s->message->to_lf, &s->cur.lf);
		return ask_next(s, out);
	}
	ask_begin(s, EV_END_OF_MESSAGE, SMFIC_BODYEOB);
	if (s->message != NULL && s->neg->has_size) {
		s->message->size += sizeof("\r\n") - 1;
		exclude_at_size(s);
		keep_end(s);
	}
	return ask_next(s, out);
}

static enum step
on_end_of_message(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	if (cmd->u.body.len == 0)
		return session_end_of_body(s, out);
	ask_begin(s, EV_BODY, SMFIC_BODYEOB);
	take_body(s, cmd);
	return ask_next(s, out);
}

static enum step
on_unknown(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	ask_begin(s, EV_UNKNOWN, SMFIC_UNKNOWN);
	s->cur.command = xstrdup(cmd->u.unknown.line);
	return ask_next(s, out);
}

static enum step
on_event(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	switch (cmd->code) {
	case SMFIC_CONNECT:
		return on_connect(s, cmd, out);
	case SMFIC_HELO:
		return on_helo(s, cmd, out);
	case SMFIC_MAIL:
		return on_mail(s, cmd, out);
	case SMFIC_RCPT:
		return on_rcpt(s, cmd, out);
	case SMFIC_DATA:
		ask_begin(s, EV_DATA, SMFIC_DATA);
		return ask_next(s, out);
	case SMFIC_HEADER:
		return on_header(s, cmd, out);
	case SMFIC_EOH:
		ask_begin(s, EV_END_OF_HEADERS, SMFIC_EOH);
		return ask_next(s, out);
	case SMFIC_BODY:
		return on_body(s, cmd, out);
	case SMFIC_BODYEOB:
		return on_end_of_message(s, cmd, out);
	case SMFIC_UNKNOWN:
		return on_unknown(s, cmd, out);
	}
	return STEP_CLOSE;
}

enum step
session_command(struct session *s, const struct milter_cmd *cmd, struct buf *out)
{
	if (cmd->code == SMFIC_MACRO) {
		macros_store(&s->macros, cmd->u.macro.stage, cmd->u.macro.pairs);
		session_note_changes(s);
		return STEP_GO;
	}
	if (cmd->code == SMFIC_ABORT) {
		if (s->message != NULL) {
			message_close(s, 1);
			macros_end_message(&s->macros);
			session_note_changes(s);
		}
		return STEP_GO;
	}
	s->begun = 1;
	s->late = 0;
	/* Its end is told while its macros are there. */
	if (cmd->code == SMFIC_HELO || cmd->code == SMFIC_MAIL)
		message_close(s, 1);
	macros_event(&s->macros, cmd->code);
	session_note_changes(s);
	return on_event(s, cmd, out);
}

void
session_end(struct session *s, const char *reason)
{
	unsigned int	 i;

	message_close(s, 1);
	if (s->begun) {
		ask_begin(s, EV_DISCONNECT, 0);
		s->cur.reason = reason;
		ask_report(s);
	}
	current_clear(&s->cur);
	for (i = 0; i < s->nh; i++)
		scope_end(s, i);
}
