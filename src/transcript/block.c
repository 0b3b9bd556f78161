/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/block.c: reads one block of a transcript.
 */
#include "base/compat.h"

#include <string.h>

#include "transcript/parts.h"
#include "milter/wire_event.h"

#define MAX_PACKETS	((size_t)4 * MILTER_MAX_DATA)	/* the macros and the event, with room */

/* Lines */

enum kind { TEXT, NUMBER, FLAG, ARGUMENT, FAMILY, PORT, STAGE, REASON, LENGTH, MACRO, UNUSED };

static const struct keyword {
	const char	*name;
	const char	*commands;	/* SMFIC_ of the commands that have it */
	enum kind	 kind;
	size_t		 off;		/* offset of its member in the item */
} keywords[] = {
#define AT(member)	offsetof(struct transcript_item, member)
	{ "version",		"O",	NUMBER,		AT(version) },
	{ "actions",		"O",	NUMBER,		AT(actions) },
	{ "protocol",		"O",	NUMBER,		AT(protocol) },
	{ "client-host",	"C",	TEXT,		AT(text) },
	{ "client-family",	"C",	FAMILY,		0 },
	{ "client-address",	"C",	TEXT,		AT(value) },
	{ "client-port",	"C",	PORT,		0 },
	{ "helo",		"H",	TEXT,		AT(text) },
	{ "sender",		"M",	TEXT,		AT(text) },
	{ "sender-domain",	"M",	UNUSED,		0 },
	{ "sender-argument",	"M",	ARGUMENT,	0 },
	{ "recipient",		"R",	TEXT,		AT(text) },
	{ "recipient-domain",	"R",	UNUSED,		0 },
	{ "recipient-argument",	"R",	ARGUMENT,	0 },
	{ "header-name",	"L",	TEXT,		AT(text) },
	{ "header-value",	"L",	TEXT,		AT(value) },
	{ "no-space",		"L",	FLAG,		AT(no_space) },
	{ "length",		"BE",	LENGTH,		0 },
	{ "command",		"U",	TEXT,		AT(text) },
	{ "stage",		"D",	STAGE,		0 },
	{ "no-message",		"A",	FLAG,		AT(no_message) },
	{ "reason",		"Q",	REASON,		0 },
	{ "macro",		"DCHMRTLNBEUAQ", MACRO,	0 },
	{ "no-macros",		"DCHMRTLNBEUAQ", FLAG,	AT(no_macros) },
#undef AT
};

static const struct keyword *
find_keyword(const char *name, int command)
{
	size_t	 i;

	for (i = 0; i < nitems(keywords); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return strchr(keywords[i].commands, command) != NULL ?
			    &keywords[i] : NULL;
	return NULL;
}

static void
take_family(struct parser *ps, struct transcript_item *it, const char *value)
{
	static const char	*const names[] = { "inet", "inet6", "unix", "unknown" };
	size_t			 i;

	for (i = 0; i < nitems(names); i++)
		if (strcmp(value, names[i]) == 0)
			it->family = "46LU"[i];
	if (it->family == 0)
		(void)lines_bad(ps, "a client-family other than inet, inet6, unix and unknown");
}

static void
take_stage(struct parser *ps, struct transcript_item *it, const char *value)
{
	const struct wire_event	*ev = wire_event_by_name(value);

	it->stage = ev != NULL ? ev->command : (int)lines_number(ps, value, 255);
	if (it->stage == 0)
		(void)lines_bad(ps, "macros of no stage");
}

static void
take_reason(struct parser *ps, struct transcript_item *it, const char *value)
{
	if (strcmp(value, "next") == 0)
		it->command = SMFIC_QUIT_NC;
	else if (strcmp(value, "closed") == 0)
		it->closed = 1;
	else if (strcmp(value, "quit") != 0)
		(void)lines_bad(ps, "a reason other than quit, closed and next");
	it->text = value;
}

static void
take_argument(struct parser *ps, struct transcript_item *it, char *value)
{
	struct transcript_file	*f = ps->f;

	f->args = lines_grow(f->args, f->nargs, sizeof(*f->args));
	if (it->nargs++ == 0)
		it->arg = f->nargs;
	f->args[f->nargs++] = lines_unescape(ps, value);
}

/*
 * "macro NAME VALUE". A name of several letters gets braces in place: it moves
 * one byte to the left, over the keyword, so that the closing brace and the NUL
 * have room.
 */
static void
take_macro(struct parser *ps, struct transcript_item *it, char *rest)
{
	struct transcript_file	*f = ps->f;
	char			*value = lines_cut_word(rest), *name = rest;
	size_t			 len = strlen(name);

	if (value == NULL || !transcript_is_word(name)) {
		(void)lines_bad(ps, "a macro without name and value");
		return;
	}
	if (len > 1 && name[0] != '{') {
		name = memmove(rest - 1, rest, len);
		*--name = '{';
		name[len + 1] = '}';
		name[len + 2] = '\0';
	}
	f->macros = lines_grow(f->macros, f->nmacros, sizeof(*f->macros));
	if (it->nmacros++ == 0)
		it->macro = f->nmacros;
	f->macros[f->nmacros].name = name;
	f->macros[f->nmacros++].value = lines_unescape(ps, value);
}

static void
take_value(struct parser *ps, struct transcript_item *it, const struct keyword *k,
    char *value)
{
	void	*member = (char *)it + k->off;

	switch (k->kind) {
	case TEXT:
		*(const char **)member = lines_unescape(ps, value);
		break;
	case NUMBER:
		*(uint32_t *)member = lines_number(ps, value, UINT32_MAX);
		break;
	case ARGUMENT:
		take_argument(ps, it, value);
		break;
	case FAMILY:
		take_family(ps, it, value);
		break;
	case PORT:
		it->port = lines_number(ps, value, UINT16_MAX);
		break;
	case STAGE:
		take_stage(ps, it, value);
		break;
	case REASON:
		take_reason(ps, it, value);
		break;
	case LENGTH:
		it->len = lines_number(ps, value, MILTER_MAX_DATA);
		break;
	case MACRO:
		take_macro(ps, it, value);
		break;
	case FLAG:
	case UNUSED:
		break;
	}
}

static void
take_line(struct parser *ps, struct transcript_item *it, char *line)
{
	char			*value = lines_cut_word(line);
	const struct keyword	*k = find_keyword(line, it->command);

	if (k == NULL)
		(void)lines_bad(ps, "an unknown line, or one that this event does not have");
	else if (k->kind == FLAG) {
		*(int *)((char *)it + k->off) = 1;
		if (value != NULL)
			(void)lines_bad(ps, "a value where none belongs");
	} else if (value == NULL)
		(void)lines_bad(ps, "a line without a value");
	else
		take_value(ps, it, k, value);
}

/* Blocks */

/* What the block lacks (a constant text), or NULL. */
static const char *
missing(const struct transcript_item *it)
{
	switch (it->command) {
	case SMFIC_OPTNEG:
		return it->version < MILTER_VERSION_MIN ? "negotiate without a version" : NULL;
	case SMFIC_CONNECT:
		if (it->text == NULL || it->family == 0)
			return "connect without client-host and client-family";
		return it->family != 'U' && it->value == NULL ?
		    "connect without client-address" : NULL;
	case SMFIC_HEADER:
		return it->text == NULL || it->text[0] == '\0' || it->value == NULL ?
		    "header without header-name and header-value" : NULL;
	case SMFIC_BODY:
		return it->len == 0 ? "body without a length" : NULL;
	case SMFIC_MACRO:
		return it->stage == 0 ? "macros without a stage" : NULL;
	case SMFIC_HELO:
	case SMFIC_MAIL:
	case SMFIC_RCPT:
	case SMFIC_UNKNOWN:
	case SMFIC_QUIT:
		return it->text == NULL ? "an event without the line that it is about" : NULL;
	default:
		return NULL;
	}
}

/* The first line of a block: "event NAME" or "report NAME". */
static int
take_name(struct parser *ps, struct transcript_item *it, char *line)
{
	char			*name = lines_cut_word(line);
	const struct wire_event	*ev;

	it->wants_reply = strcmp(line, "event") == 0;
	if (name == NULL || (!it->wants_reply && strcmp(line, "report") != 0))
		return lines_bad(ps, "expected a line event or report");
	if ((ev = wire_event_by_name(name)) != NULL) {
		it->command = ev->command;
		if (ev->nr == 0 && !it->wants_reply)
			return lines_bad(ps, "a report of what is always answered");
	} else if (!it->wants_reply && strcmp(name, "abort") == 0)
		it->command = SMFIC_ABORT;
	else if (!it->wants_reply && strcmp(name, "disconnect") == 0)
		it->command = SMFIC_QUIT;
	else if (!it->wants_reply && strcmp(name, "macros") == 0)
		it->command = SMFIC_MACRO;
	else
		return lines_bad(ps, "an unknown event, or one that is only reported");
	return 0;
}

/*
 * Each session begins with negotiate, unless it is another client on the same
 * connection.
 */
static int
stands_right(const struct transcript_file *f, const struct transcript_item *it)
{
	int	 before = f->nitems == 0 ? SMFIC_QUIT : f->items[f->nitems - 1].command;

	if (it->command == SMFIC_OPTNEG)
		return it->wants_reply && (before == SMFIC_QUIT || before == SMFIC_QUIT_NC);
	return before != SMFIC_QUIT;
}

static int
fits_packets(const struct transcript_file *f, const struct transcript_item *it)
{
	struct buf	 b;
	int		 ok;

	buf_init(&b, MAX_PACKETS);
	transcript_encode(f, it, SMFIP_HDR_LEADSPC, &b);
	ok = buf_ok(&b);
	buf_free(&b);
	return ok;
}

int
transcript_block(struct parser *ps, struct transcript_item *it, char *line)
{
	const char	*why;

	it->line = ps->line;
	if (take_name(ps, it, line) == -1)
		return -1;
	if (!stands_right(ps->f, it))
		return lines_bad(ps, it->command == SMFIC_OPTNEG ?
		    "negotiate within a session" :
		    "a session that does not begin with event negotiate");
	while ((line = lines_next(ps)) != NULL && line[0] != '\0' && ps->why == NULL)
		take_line(ps, it, line);
	if (ps->why != NULL)
		return -1;
	if (line == NULL)
		return lines_bad(ps, "the file ends within a block");
	if ((why = missing(it)) != NULL)
		return lines_bad(ps, why);
	if (it->len > 0 && (it->data = lines_payload(ps, it->len)) == NULL)
		return -1;
	return fits_packets(ps->f, it) ? 0 : lines_bad(ps, "more than a milter packet can carry");
}
