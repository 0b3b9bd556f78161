/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/write.c: writes a transcript.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "milter/action.h"
#include "milter/verdict.h"
#include "milter/smtp_text.h"
#include "transcript/transcript.h"
#include "milter/wire_event.h"
#include "base/xmalloc.h"

#define MAX_MACROS	((size_t)5 * MILTER_MAX_DATA)	/* each byte becomes an escape */
#define MAX_BODY	((size_t)1 << 31)

void
transcript_init(struct transcript *t)
{
	memset(t, 0, sizeof(*t));
	buf_init(&t->macros, MAX_MACROS);
	buf_init(&t->body, MAX_BODY);
}

void
transcript_free(struct transcript *t)
{
	buf_free(&t->macros);
	buf_free(&t->body);
}

void
transcript_next(struct transcript *t)
{
	buf_free(&t->body);
	t->in_body = t->in_message = t->ended = t->waiting = 0;
}

static void
add_spaced(struct buf *b, const char *value)
{
	buf_add_str(b, " ");
	escape(b, value, strlen(value));
}

static void
add_line(struct buf *b, const char *keyword, const char *value)
{
	buf_add_str(b, keyword);
	add_spaced(b, value);
	buf_add_str(b, "\n");
}

/* Macros. */

int
transcript_is_word(const char *name)
{
	const unsigned char	*p = (const unsigned char *)name;

	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p == 127)
			return 0;
	return name[0] != '\0';
}

static void
add_macro_line(struct buf *b, const char *name, const char *value)
{
	size_t	 len = strlen(name);

	/* A line can't hold such a name, and no MTA has a macro of such a name. */
	if (!transcript_is_word(name))
		return;
	/* Handlers see names of several letters without braces. */
	if (len > 3 && name[0] == '{' && name[1] != '{' && name[len - 1] == '}')
		buf_printf(b, "macro %.*s", (int)(len - 2), name + 1);
	else
		buf_printf(b, "macro %s", name);
	add_spaced(b, value);
	buf_add_str(b, "\n");
}

static void
add_pending(struct transcript *t, struct buf *out)
{
	if (t->macros.len > 0)
		buf_add(out, t->macros.data, t->macros.len);
	else
		buf_add_str(out, "no-macros\n");
	buf_free(&t->macros);
	t->stage = 0;
}

/* Writes macros whose event did not follow. */
static void
flush_macros(struct transcript *t, struct buf *out)
{
	const struct wire_event	*stage = wire_event_find(t->stage);

	if (t->stage == 0)
		return;
	buf_add_str(out, "report macros\nstage ");
	if (stage != NULL)
		buf_printf(out, "%s\n", wire_event_name(stage));
	else
		buf_printf(out, "%d\n", t->stage);
	add_pending(t, out);
	buf_add_str(out, "\n");
}

static void
take_macros(struct transcript *t, const struct milter_cmd *cmd)
{
	struct rd	 pairs = cmd->u.macro.pairs;
	const char	*name, *value;

	t->stage = cmd->u.macro.stage;
	while (milter_next_macro(&pairs, &name, &value))
		add_macro_line(&t->macros, name, value);
}

/* Blocks. */

static void
add_terms(struct buf *b, uint32_t version, uint32_t actions, uint32_t protocol)
{
	buf_printf(b, "version %u\nactions 0x%x\nprotocol 0x%x\n", version, actions,
	    protocol);
}

static void
add_client_lines(struct buf *b, const struct milter_cmd *cmd)
{
	int	 family = cmd->u.connect.family;

	add_line(b, "client-host", cmd->u.connect.host);
	add_line(b, "client-family", family == '4' ? "inet" : family == '6' ? "inet6" :
	    family == 'L' ? "unix" : "unknown");
	if (cmd->u.connect.address == NULL)
		return;
	add_line(b, "client-address", cmd->u.connect.address);
	buf_printf(b, "client-port %u\n", cmd->u.connect.port);
}

static void
add_address_lines(struct buf *b, const char *what, const struct milter_cmd *cmd)
{
	struct rd	 args = cmd->u.envelope.args;
	const char	*address = cmd->u.envelope.address, *arg;
	const char	*at = strrchr(address, '@');
	char		*domain = xstrdup(at == NULL ? "" : at + 1), *p;

	domain[strcspn(domain, ">")] = '\0';
	for (p = domain; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	buf_add_str(b, what);
	add_spaced(b, address);
	buf_printf(b, "\n%s-domain", what);
	add_spaced(b, domain);
	buf_add_str(b, "\n");
	free(domain);
	while ((arg = milter_next_arg(&args)) != NULL) {
		buf_printf(b, "%s-argument", what);
		add_spaced(b, arg);
		buf_add_str(b, "\n");
	}
}

static void
add_header_lines(const struct transcript *t, struct buf *b, const struct milter_cmd *cmd)
{
	const char	*value = cmd->u.header.value;
	int		 leadspc = (t->protocol & SMFIP_HDR_LEADSPC) != 0;

	add_line(b, "header-name", cmd->u.header.name);
	add_line(b, "header-value", leadspc && value[0] == ' ' ? value + 1 : value);
	if (leadspc && value[0] != ' ')
		buf_add_str(b, "no-space\n");
}

static void
add_own_lines(const struct transcript *t, struct buf *b, const struct milter_cmd *cmd)
{
	switch (cmd->code) {
	case SMFIC_OPTNEG:
		add_terms(b, cmd->u.optneg.version, cmd->u.optneg.actions,
		    cmd->u.optneg.protocol);
		break;
	case SMFIC_CONNECT:
		add_client_lines(b, cmd);
		break;
	case SMFIC_HELO:
		add_line(b, "helo", cmd->u.helo.arg);
		break;
	case SMFIC_MAIL:
		add_address_lines(b, "sender", cmd);
		break;
	case SMFIC_RCPT:
		add_address_lines(b, "recipient", cmd);
		break;
	case SMFIC_HEADER:
		add_header_lines(t, b, cmd);
		break;
	case SMFIC_UNKNOWN:
		add_line(b, "command", cmd->u.unknown.line);
		break;
	case SMFIC_BODY:
	case SMFIC_BODYEOB:
		if (cmd->u.body.len > 0)
			buf_printf(b, "length %zu\n", cmd->u.body.len);
		break;
	case SMFIC_ABORT:
		if (!t->in_message)
			buf_add_str(b, "no-message\n");
		break;
	case SMFIC_QUIT:
	case SMFIC_QUIT_NC:
		add_line(b, "reason", cmd->code == SMFIC_QUIT ? "quit" : "next");
		break;
	}
}

static void
add_first_line(struct transcript *t, struct buf *out, int code)
{
	const struct wire_event	*ev = wire_event_find(code);

	if (ev == NULL) {
		buf_printf(out, "report %s\n", code == SMFIC_ABORT ? "abort" : "disconnect");
		return;
	}
	t->waiting = (t->protocol & ev->nr) == 0 ? code : 0;
	buf_printf(out, "%s %s\n", t->waiting != 0 ? "event" : "report", wire_event_name(ev));
}

static void
note_state(struct transcript *t, int code)
{
	if (code == SMFIC_MAIL)
		t->in_message = 1;
	else if (code == SMFIC_ABORT)
		t->in_message = 0;
	else if (code == SMFIC_QUIT || code == SMFIC_QUIT_NC)
		t->ended = 1;
}

/* Writes the new body: all its packets make one action. */
static void
flush_body(struct transcript *t, struct buf *out)
{
	if (!t->in_body)
		return;
	buf_printf(out, "replace-body %zu\n", t->body.len);
	if (t->body.len > 0)
		buf_add(out, t->body.data, t->body.len);
	if (!buf_ok(&t->body))
		out->err = 1;
	buf_free(&t->body);
	t->in_body = 0;
	buf_add_str(out, "\n");
}

void
transcript_command(struct transcript *t, const struct milter_cmd *cmd, struct buf *out)
{
	int	 with_macros = t->stage != 0 && t->stage == cmd->code;

	flush_body(t, out);
	if (!with_macros)
		flush_macros(t, out);
	if (cmd->code == SMFIC_MACRO) {
		take_macros(t, cmd);
		return;
	}
	add_first_line(t, out, cmd->code);
	add_own_lines(t, out, cmd);
	if (with_macros)
		add_pending(t, out);
	buf_add_str(out, "\n");
	if ((cmd->code == SMFIC_BODY || cmd->code == SMFIC_BODYEOB) && cmd->u.body.len > 0) {
		buf_add(out, cmd->u.body.data, cmd->u.body.len);
		buf_add_str(out, "\n");
	}
	note_state(t, cmd->code);
}

void
transcript_end(struct transcript *t, const char *reason, struct buf *out)
{
	if (t->ended)
		return;
	flush_body(t, out);
	if (strcmp(reason, "next") != 0)
		flush_macros(t, out);
	add_first_line(t, out, SMFIC_QUIT);
	add_line(out, "reason", reason);
	buf_add_str(out, "\n");
	t->ended = 1;
}

/* Answers. */

static void
add_negotiated(struct transcript *t, struct buf *b, const struct milter_reply *r)
{
	struct rd	 lists = r->symlists;
	const char	*names;
	uint32_t	 stage;

	t->protocol = r->protocol;
	add_terms(b, r->version, r->actions, r->protocol);
	while (milter_next_symlist(&lists, &stage, &names) == 1) {
		if (stage >= SMFIM_COUNT)
			continue;
		buf_printf(b, "macros %s", wire_event_stage_name((int)stage));
		add_spaced(b, names);
		buf_add_str(b, "\n");
	}
	buf_add_str(b, "\n");
}

/* The value as a handler gives it: without the space after the colon. */
static const char *
header_value(const struct transcript *t, const struct milter_reply *r)
{
	return (t->protocol & SMFIP_HDR_LEADSPC) != 0 && r->text[0] == ' ' ? r->text + 1 :
	    r->text;
}

static void
add_header_action(const struct transcript *t, struct buf *b, const struct milter_reply *r)
{
	if (r->code == SMFIR_ADDHEADER)
		buf_printf(b, "add-header %s", r->name);
	else if (r->code == SMFIR_INSHEADER)
		buf_printf(b, "insert-header %u %s", r->index, r->name);
	else if (r->text[0] == '\0') {
		buf_printf(b, "delete-header %s %u\n", r->name, r->index);
		return;
	} else
		buf_printf(b, "change-header %s %u", r->name, r->index);
	add_spaced(b, header_value(t, r));
	buf_add_str(b, "\n");
}

static void
add_recipient_or_sender(struct buf *b, const struct milter_reply *r)
{
	enum action_kind	 act = r->code == SMFIR_CHGFROM ? ACT_CHANGE_SENDER :
	    r->code == SMFIR_DELRCPT ? ACT_DELETE_RECIPIENT : ACT_ADD_RECIPIENT;
	int			 bare = r->text[0] != '<';

	buf_printf(b, "%s %s", action_name(act), bare ? "<" : "");
	escape(b, r->text, strlen(r->text));
	if (bare)
		buf_add_str(b, ">");
	if (r->args != NULL && r->args[0] != '\0')
		add_spaced(b, r->args);
	buf_add_str(b, "\n");
}

/* Adds a verdict and returns 1; returns 0 for any other reply. */
static int
add_verdict(struct buf *b, const struct milter_reply *r)
{
	static const char	 codes[] = "cartdsy4";
	static const enum verdict verdicts[] = {
		VD_CONTINUE, VD_ACCEPT, VD_REJECT, VD_TEMPFAIL, VD_DISCARD, VD_SKIP,
		VD_COUNT, VD_SHUTDOWN
	};
	const char		*p = r->code == '\0' ? NULL : strchr(codes, r->code);
	char			*plain;

	if (p == NULL)
		return 0;
	if (r->code == SMFIR_REPLYCODE) {
		plain = smtp_text_plain(r->text);
		smtp_text_words(b, plain);
		free(plain);
	} else
		buf_add_str(b, verdict_name(verdicts[p - codes]));
	buf_add_str(b, "\n\n");
	return 1;
}

void
transcript_reply(struct transcript *t, const struct milter_reply *r, struct buf *out)
{
	if (r->code == SMFIR_REPLBODY) {
		t->in_body = 1;
		buf_add(&t->body, r->body, r->body_len);
		return;
	}
	flush_body(t, out);
	if (r->code == SMFIC_OPTNEG)
		add_negotiated(t, out, r);
	else if (add_verdict(out, r)) {
		if (t->waiting == SMFIC_BODYEOB)
			t->in_message = 0;
		t->waiting = 0;
	} else if (r->name != NULL)
		add_header_action(t, out, r);
	else if (r->code == SMFIR_QUARANTINE)
		add_line(out, "quarantine", r->text);
	else if (r->code == SMFIR_PROGRESS)
		buf_add_str(out, "progress\n");
	else
		add_recipient_or_sender(out, r);
}
