/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/msglog.c: one line in the log for each refusal, and for each message: when its end
 * was answered, or it was refused, or ended without an answer.
 */
#include "base/compat.h"

#include <string.h>
#include <strings.h>

#include <syslog.h>

#include "base/log.h"
#include "session/msglog.h"
#include "store/board.h"

/* Bytes of one value that came from outside: the line must have room for the others. */
#define MAX_TEXT	400

/* 1 if host is only the address in brackets, as an MTA calls a client without a name. */
static int
is_bracketed(const char *host, const char *address)
{
	size_t	 len = strlen(address);

	if (*host++ != '[')
		return 0;
	if (strncasecmp(host, "IPv6:", 5) == 0)
		host += 5;
	return strncmp(host, address, len) == 0 && strcmp(host + len, "]") == 0;
}

void
msglog_client(const struct session *s, struct buf *b)
{
	if (s->client_family == NULL)
		return;
	if (s->client_address == NULL || !is_bracketed(s->client_host, s->client_address))
		buf_printf(b, "%.*s", MAX_TEXT, s->client_host);
	buf_printf(b, "[%.*s]", MAX_TEXT,
	    s->client_address == NULL ? "unknown" : s->client_address);
}

/* " client=mx.example[192.0.2.7]", to be found in the log of the MTA. */
static void
describe_client(const struct session *s, struct buf *b)
{
	if (s->client_family != NULL)
		buf_add_str(b, " client=");
	msglog_client(s, b);
}

/* "message from=<a@b> client=mx.example[192.0.2.7] recipients=2 size=1234" */
static void
describe_message(const struct session *s, struct buf *b)
{
	const struct message	*msg = s->message;

	buf_printf(b, "message from=%.*s", MAX_TEXT, msg->sender->shown);
	describe_client(s, b);
	if (msg->nrecipients > 0)
		buf_printf(b, " recipients=%u", msg->nrecipients);
	if (msg->nrefused > 0)
		buf_printf(b, " refused=%u", msg->nrefused);
	if (msg->size > 0 && !msg->skipped)
		buf_printf(b, " size=%llu", (unsigned long long)msg->size);
}

static void
describe_event(const struct session *s, struct buf *b)
{
	const struct current	*c = &s->cur;

	buf_add_str(b, event_name(c->event));
	if (c->event == EV_HELO)
		buf_printf(b, " %.*s", MAX_TEXT, s->helo);
	else if (c->recipient != NULL)
		buf_printf(b, " %.*s from=%.*s", MAX_TEXT, c->recipient->shown, MAX_TEXT,
		    s->message->sender->shown);
	else if (c->command != NULL)
		buf_printf(b, " %.*s", MAX_TEXT, c->command);
	describe_client(s, b);
}

static void
describe_verdict(const struct session *s, struct buf *b)
{
	const struct current	*c = &s->cur;

	buf_printf(b, ": %s by %s", verdict_name(c->verdict), c->answered_by < 0 ? "pipemilter" :
	    session_handler(s, (unsigned int)c->answered_by)->name);
	if (c->smtp.code != 0)
		buf_printf(b, ": %d %s %s", c->smtp.code, c->smtp.enhanced,
		    c->smtp.text == NULL ? "" : c->smtp.text);
}

static void
write_line(const struct session *s, struct buf *b)
{
	buf_add_u8(b, 0);
	if (buf_ok(b))
		log_msg(LOG_INFO, s->ids, "%s", (char *)b->data);
	buf_free(b);
}

static void
count_message(const struct session *s)
{
	static const enum numbers_message results[VD_COUNT] = {
		[VD_CONTINUE] = NUMBERS_ACCEPT, [VD_ACCEPT] = NUMBERS_ACCEPT,
		[VD_SKIP] = NUMBERS_ACCEPT, [VD_REJECT] = NUMBERS_REJECT,
		[VD_TEMPFAIL] = NUMBERS_TEMPFAIL, [VD_DISCARD] = NUMBERS_DISCARD,
		[VD_SHUTDOWN] = NUMBERS_SHUTDOWN,
	};

	numbers_add(&board_own()->messages[results[s->cur.verdict]], 1);
}

void
msglog_decision(struct session *s, int message_ends, const struct buf *summary)
{
	struct buf	 b;
	int		 refused = s->cur.verdict != VD_CONTINUE;

	if (!refused && !message_ends)
		return;
	if (s->message != NULL && (message_ends || s->cur.event == EV_DATA)) {
		s->message->logged = 1;
		count_message(s);
	}
	if (!log_enabled(LOG_INFO))
		return;
	buf_init(&b, 16 * 1024);
	if (s->message != NULL && (message_ends || s->cur.event == EV_DATA)) {
		describe_message(s, &b);
		if (refused && s->cur.event != EV_END_OF_MESSAGE)
			buf_printf(&b, " at %s", event_name(s->cur.event));
	} else
		describe_event(s, &b);
	if (refused)
		describe_verdict(s, &b);
	else
		buf_add_str(&b, ": accept");
	if (!refused && summary->len > 0) {
		buf_add_str(&b, "; ");
		buf_add(&b, summary->data, summary->len);
	}
	write_line(s, &b);
}

void
msglog_aborted(struct session *s)
{
	struct buf	 b;

	if (s->message->logged)
		return;
	numbers_add(&board_own()->messages[NUMBERS_ABORTED], 1);
	if (!log_enabled(LOG_INFO))
		return;
	buf_init(&b, 16 * 1024);
	describe_message(s, &b);
	buf_add_str(&b, ": aborted");
	write_line(s, &b);
}
