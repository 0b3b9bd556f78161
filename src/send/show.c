/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * send/show.c: one session, shown.
 */
#include "base/compat.h"

#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "send/show.h"

#define MAX_TEXT	((size_t)16 << 20)
#define MAX_FILE	((size_t)4 << 30)

static const char *const result_names[MTA_RESULTS] = {
	[MTA_DELIVERED] = "delivered",
	[MTA_REJECTED] = "rejected",
	[MTA_TEMPFAILED] = "tempfailed",
	[MTA_DISCARDED] = "discarded",
};

/* Begins a line of the summary, which is a remark inside a transcript. */
static void
begin_line(const struct send_show *s, struct buf *b)
{
	if (s->verbose)
		buf_add_str(b, "# ");
}

static void
print_buf(struct send_show *s, struct buf *b)
{
	if (b->len > 0)
		(void)fwrite(b->data, 1, b->len, s->to);
	(void)fflush(s->to);
	buf_reset(b);
}

static void
add_escaped(struct buf *b, const char *text)
{
	escape(b, text, strlen(text));
}

static void
show_refusal(struct send_show *s, const struct mta_outcome *o, const char *rcpt)
{
	struct buf	 b;

	buf_init(&b, MAX_TEXT);
	begin_line(s, &b);
	buf_add_str(&b, result_names[o->result]);
	if (o->command != 0)
		buf_printf(&b, " at %s", mta_command_name(o->command));
	if (rcpt != NULL) {
		buf_add_str(&b, " ");
		add_escaped(&b, rcpt);
	}
	if (o->smtp != NULL) {
		buf_add_str(&b, ": ");
		add_escaped(&b, o->smtp);
	} else if (o->command == 0)
		buf_add_str(&b, ": no recipient is left");
	buf_add_str(&b, "\n");
	print_buf(s, &b);
	buf_free(&b);
}

static int
show_more(void *arg)
{
	(void)arg;
	return 0;
}

static void
show_begin(void *arg, const char *queue_id)
{
	(void)arg;
	(void)queue_id;
}

static void
show_command(void *arg, const struct milter_cmd *cmd)
{
	struct send_show	*s = arg;

	if (!s->verbose)
		return;
	transcript_command(&s->transcript, cmd, &s->text);
	print_buf(s, &s->text);
}

static void
show_closed(void *arg)
{
	struct send_show	*s = arg;

	if (!s->verbose)
		return;
	transcript_end(&s->transcript, "closed", &s->text);
	print_buf(s, &s->text);
}

static void
show_recipient(void *arg, const struct mta_address *a, const struct mta_outcome *o)
{
	struct send_show	*s = arg;

	if (o->result == MTA_DELIVERED)
		mta_edit_rcpt(&s->edit, a->address);
	else
		show_refusal(s, o, a->address);
}

static void
add_header_change(struct buf *b, const struct milter_reply *r)
{
	const char	*value = r->text;

	if (r->code == SMFIR_ADDHEADER)
		buf_printf(b, "header added: %s: ", r->name);
	else if (r->code == SMFIR_INSHEADER && r->index >= INT_MAX)
		buf_printf(b, "header inserted at the end: %s: ", r->name);
	else if (r->code == SMFIR_INSHEADER)
		buf_printf(b, "header inserted at %u: %s: ", r->index, r->name);
	else if (value[0] == '\0')
		buf_printf(b, "header deleted: %s (number %u)", r->name, r->index);
	else
		buf_printf(b, "header changed: %s (number %u): ", r->name, r->index);
	add_escaped(b, value[0] == ' ' ? value + 1 : value);
}

/* Adds an action in words. */
static void
add_action(struct buf *b, const struct milter_reply *r)
{
	if (r->name != NULL) {
		add_header_change(b, r);
		return;
	}
	if (r->code == SMFIR_CHGFROM)
		buf_add_str(b, "sender changed to ");
	else if (r->code == SMFIR_DELRCPT)
		buf_add_str(b, "recipient deleted: ");
	else if (r->code == SMFIR_QUARANTINE)
		buf_add_str(b, "quarantined: ");
	else
		buf_add_str(b, "recipient added: ");
	add_escaped(b, r->text);
	if (r->args != NULL && r->args[0] != '\0') {
		buf_add_str(b, " ");
		add_escaped(b, r->args);
	}
}

static void
show_reply(void *arg, int command, const struct milter_reply *r)
{
	struct send_show	*s = arg;
	const char		*odd;

	if (s->verbose) {
		transcript_reply(&s->transcript, r, &s->text);
		print_buf(s, &s->text);
	}
	if (command == SMFIC_OPTNEG) {
		s->edit.leadspc = (r->protocol & SMFIP_HDR_LEADSPC) != 0;
		return;
	}
	if (mta_reply_is_final(r->code) || r->code == SMFIR_PROGRESS)
		return;
	odd = mta_edit_apply(&s->edit, r);
	if (r->code != SMFIR_REPLBODY) {
		begin_line(s, &s->changes);
		add_action(&s->changes, r);
		buf_add_str(&s->changes, "\n");
	}
	if (odd != NULL) {
		begin_line(s, &s->changes);
		buf_printf(&s->changes, "warning: %s: %s\n", mta_reply_name(r->code), odd);
	}
}

/* Writes the message to the file of -O; "-" is stdout. */
static void
write_edited(struct send_show *s)
{
	struct buf	 b;
	FILE		*f;

	buf_init(&b, MAX_FILE);
	mta_edit_write(&s->edit, s->plan->message.crlf, &b);
	f = strcmp(s->out_file, "-") == 0 ? stdout : fopen(s->out_file, "we");
	if (f == NULL || !buf_ok(&b) ||
	    (b.len > 0 && fwrite(b.data, 1, b.len, f) != b.len) || fflush(f) != 0) {
		warn("%s", s->out_file);
		s->failed = 1;
	}
	if (f != NULL && f != stdout && fclose(f) != 0 && !s->failed) {
		warn("%s", s->out_file);
		s->failed = 1;
	}
	buf_free(&b);
}

static void
show_delivery(struct send_show *s)
{
	size_t	 n = mta_edit_count_rcpts(&s->edit);

	if (s->edit.body_replaced) {
		begin_line(s, &s->changes);
		buf_printf(&s->changes, "body replaced: %zu bytes\n", s->edit.body.len);
	}
	begin_line(s, &s->changes);
	if (n > 0)
		buf_printf(&s->changes, "%s %zu recipient%s\n",
		    s->edit.reason != NULL ? "held for" : "delivered to", n,
		    n == 1 ? "" : "s");
	else {
		buf_add_str(&s->changes, "discarded: no recipient is left\n");
		s->result = MTA_DISCARDED;
	}
	print_buf(s, &s->changes);
	if (n > 0 && s->out_file != NULL)
		write_edited(s);
}

static void
show_end(void *arg, const struct mta_outcome *o)
{
	struct send_show	*s = arg;

	s->done = 1;
	s->result = o->result;
	if (o->result == MTA_DELIVERED)
		show_delivery(s);
	else
		show_refusal(s, o, NULL);
}

void
send_show_init(struct send_show *s, const struct mta_plan *plan, FILE *to, int verbose,
    const char *out_file)
{
	static const struct mta_hooks	 hooks = {
		.more = show_more,
		.message_begin = show_begin,
		.message_end = show_end,
		.command = show_command,
		.reply = show_reply,
		.recipient = show_recipient,
		.closed = show_closed,
	};

	memset(s, 0, sizeof(*s));
	s->plan = plan;
	s->to = to;
	s->verbose = verbose;
	s->out_file = out_file;
	s->hooks = hooks;
	s->hooks.arg = s;
	transcript_init(&s->transcript);
	buf_init(&s->text, MAX_FILE);
	mta_edit_init(&s->edit, &plan->message, plan->sender.address);
	buf_init(&s->changes, MAX_TEXT);
}

void
send_show_free(struct send_show *s)
{
	transcript_free(&s->transcript);
	buf_free(&s->text);
	mta_edit_free(&s->edit);
	buf_free(&s->changes);
}
