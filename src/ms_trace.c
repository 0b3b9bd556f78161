/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "ms_edit.h"
#include "ms_smtp.h"
#include "ms_trace.h"

#define MAX_BLOCK	((size_t)16 << 20)
#define MAX_BODY	((size_t)1 << 31)

static const char *const stage_names[SMFIM_COUNT] = {
	[SMFIM_CONNECT] = "connect",
	[SMFIM_HELO] = "helo",
	[SMFIM_MAIL] = "mail",
	[SMFIM_RCPT] = "rcpt",
	[SMFIM_DATA] = "data",
	[SMFIM_EOM] = "end-of-message",
	[SMFIM_EOH] = "end-of-headers",
};

void
ms_trace_init(struct ms_trace *t, FILE *to, const struct ms_plan *plan)
{
	memset(t, 0, sizeof(*t));
	t->to = to;
	t->plan = plan;
	buf_init(&t->body, MAX_BODY);
}

void
ms_trace_free(struct ms_trace *t)
{
	buf_free(&t->body);
}

/* Writes out and empties the buffer. */
static void
put(struct ms_trace *t, struct buf *b)
{
	if (b->len > 0)
		(void)fwrite(b->data, 1, b->len, t->to);
	(void)fflush(t->to);
	buf_free(b);
}

static void
add_value(struct buf *b, const char *value)
{
	buf_add_str(b, " ");
	escape(b, value, strlen(value));
}

static void
add_line(struct buf *b, const char *keyword, const char *value)
{
	buf_add_str(b, keyword);
	add_value(b, value);
	buf_add_str(b, "\n");
}

static void
add_terms(struct buf *b, uint32_t version, uint32_t actions, uint32_t protocol)
{
	buf_printf(b, "version %u\nactions 0x%x\nprotocol 0x%x\n", version, actions,
	    protocol);
}

void
ms_trace_terms(struct ms_trace *t, const struct ms_terms *terms)
{
	struct buf	 b;
	size_t		 i;

	t->leadspc = (terms->protocol & SMFIP_HDR_LEADSPC) != 0;
	buf_init(&b, MAX_BLOCK);
	buf_add_str(&b, "event negotiate\n");
	add_terms(&b, t->plan->version, t->plan->actions, t->plan->protocol);
	buf_add_str(&b, "\n");
	add_terms(&b, terms->version, terms->actions, terms->protocol);
	for (i = 0; i < SMFIM_COUNT; i++) {
		if (terms->lists[i] == NULL)
			continue;
		buf_printf(&b, "macros %s", stage_names[i]);
		add_value(&b, terms->lists[i]);
		buf_add_str(&b, "\n");
	}
	buf_add_str(&b, "\n");
	put(t, &b);
}

static void
add_client(struct buf *b, const struct ms_plan *plan)
{
	add_line(b, "client-host", plan->host);
	add_line(b, "client-family", plan->family == '4' ? "inet" :
	    plan->family == '6' ? "inet6" : plan->family == 'L' ? "unix" : "unknown");
	if (plan->address == NULL)
		return;
	add_line(b, "client-address", plan->address);
	buf_printf(b, "client-port %u\n", plan->port);
}

static void
add_address(struct buf *b, const char *what, const struct ms_address *a)
{
	const char	*at = strrchr(a->address, '@');
	size_t		 i;

	buf_add_str(b, what);
	add_value(b, a->address);
	buf_printf(b, "\n%s-domain ", what);
	for (; at != NULL && *++at != '\0' && *at != '>';)
		buf_add_u8(b, (unsigned int)tolower((unsigned char)*at));
	buf_add_str(b, "\n");
	for (i = 0; i < a->nargs; i++) {
		buf_printf(b, "%s-argument", what);
		add_value(b, a->args[i]);
		buf_add_str(b, "\n");
	}
}

static void
add_header(struct buf *b, const struct ms_header *h)
{
	const char	*value = h->text + h->value;

	add_line(b, "header-name", h->name);
	add_line(b, "header-value", value[0] == ' ' ? value + 1 : value);
	if (value[0] != ' ')
		buf_add_str(b, "no-space\n");
}

static void
add_own_lines(struct ms_trace *t, struct buf *b, const struct ms_event *ev)
{
	switch (ev->command) {
	case SMFIC_CONNECT:
		add_client(b, t->plan);
		break;
	case SMFIC_HELO:
		add_line(b, "helo", t->plan->helo);
		break;
	case SMFIC_MAIL:
		add_address(b, "sender", ev->address);
		break;
	case SMFIC_RCPT:
		add_address(b, "recipient", ev->address);
		break;
	case SMFIC_HEADER:
		add_header(b, ev->header);
		break;
	case SMFIC_BODY:
		buf_printf(b, "length %zu\n", ev->len);
		break;
	default:
		break;
	}
}

static const char *
block_name(int command)
{
	if (command == SMFIC_ABORT)
		return "abort";
	return command == SMFIC_QUIT ? "disconnect" : ms_command_name(command);
}

static void
add_macro(struct buf *b, const struct milter_pair *m)
{
	size_t	 len = strlen(m->name);

	if (len > 2 && m->name[0] == '{')
		buf_printf(b, "macro %.*s", (int)(len - 2), m->name + 1);
	else
		buf_printf(b, "macro %s", m->name);
	add_value(b, m->value);
	buf_add_str(b, "\n");
}

void
ms_trace_event(struct ms_trace *t, const struct ms_event *ev)
{
	struct buf	 b;
	size_t		 i;

	buf_init(&b, MAX_BLOCK);
	buf_printf(&b, "%s %s\n", ev->wants_reply ? "event" : "report",
	    block_name(ev->command));
	add_own_lines(t, &b, ev);
	if (ev->reason != NULL)
		add_line(&b, "reason", ev->reason);
	for (i = 0; i < ev->nmacros; i++)
		add_macro(&b, &ev->macros[i]);
	buf_add_str(&b, "\n");
	if (ev->data != NULL) {
		buf_add(&b, ev->data, ev->len);
		buf_add_str(&b, "\n");
	}
	put(t, &b);
}

/* The space behind the colon is not part of a value in a handler's reply. */
static const char *
header_value(const struct ms_trace *t, const struct milter_reply *r)
{
	return t->leadspc && r->text[0] == ' ' ? r->text + 1 : r->text;
}

static void
add_change(const struct ms_trace *t, struct buf *b, const struct milter_reply *r)
{
	const char	*value = header_value(t, r);

	if (r->code == SMFIR_ADDHEADER)
		buf_printf(b, "add-header %s", r->name);
	else if (r->code == SMFIR_INSHEADER)
		buf_printf(b, "insert-header %u %s", r->index, r->name);
	else if (r->text[0] == '\0') {
		buf_printf(b, "delete-header %s %u\n", r->name, r->index);
		return;
	} else
		buf_printf(b, "change-header %s %u", r->name, r->index);
	add_value(b, value);
	buf_add_str(b, "\n");
}

static void
add_recipient_or_sender(struct buf *b, const struct milter_reply *r)
{
	buf_printf(b, "%s ", ms_reply_name(r->code));
	if (r->text[0] == '<')
		escape(b, r->text, strlen(r->text));
	else {
		buf_add_str(b, "<");
		escape(b, r->text, strlen(r->text));
		buf_add_str(b, ">");
	}
	if (r->args != NULL && r->args[0] != '\0')
		add_value(b, r->args);
	buf_add_str(b, "\n");
}

/* All packets of a new body make one action. */
static void
flush_body(struct ms_trace *t, struct buf *b)
{
	if (!t->in_body)
		return;
	buf_printf(b, "replace-body %zu\n", t->body.len);
	put(t, b);
	buf_init(b, MAX_BLOCK);
	if (t->body.len > 0)
		(void)fwrite(t->body.data, 1, t->body.len, t->to);
	buf_reset(&t->body);
	t->in_body = 0;
	buf_add_str(b, "\n");
}

static void
add_verdict(struct buf *b, const struct milter_reply *r)
{
	char	*plain;

	if (r->code == SMFIR_REPLYCODE) {
		plain = ms_smtp_plain(r->text);
		ms_smtp_words(b, plain);
		free(plain);
	} else
		buf_add_str(b, ms_reply_name(r->code));
	buf_add_str(b, "\n\n");
}

void
ms_trace_reply(struct ms_trace *t, const struct milter_reply *r)
{
	struct buf	 b;

	if (r->code == SMFIR_REPLBODY) {
		t->in_body = 1;
		buf_add(&t->body, r->body, r->body_len);
		return;
	}
	buf_init(&b, MAX_BLOCK);
	flush_body(t, &b);
	if (ms_reply_is_final(r->code))
		add_verdict(&b, r);
	else if (r->name != NULL)
		add_change(t, &b, r);
	else if (r->code == SMFIR_QUARANTINE)
		add_line(&b, "quarantine", r->text);
	else if (r->code == SMFIR_PROGRESS)
		buf_add_str(&b, "progress\n");
	else
		add_recipient_or_sender(&b, r);
	put(t, &b);
}
