/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "event.h"
#include "transcript.h"
#include "wire_event.h"
#include "xmalloc.h"

#define MAX_PACKETS	((size_t)4 * MILTER_MAX_DATA)	/* macros and event, with room */

struct parser {
	struct transcript_file	*f;
	char			*p, *end;	/* what is left; *end may be written */
	size_t			 line;		/* the last one that was read */
	const char		*why;		/* NULL: all is well */
};

static int
bad(struct parser *ps, const char *why)
{
	if (ps->why == NULL)
		ps->why = why;
	return -1;
}

/* Room for one more behind n; it doubles when n is a power of two. */
static void *
grow(void *array, size_t n, size_t size)
{
	return (n & (n - 1)) != 0 ? array : xreallocarray(array, n == 0 ? 1 : 2 * n, size);
}

/* Lines and payloads */

/* The next line, NUL-terminated; NULL at the end, or if it is bad. */
static char *
any_line(struct parser *ps)
{
	char	*line = ps->p, *nl;

	if (ps->p == ps->end)
		return NULL;
	ps->line++;
	if ((nl = memchr(line, '\n', (size_t)(ps->end - line))) == NULL) {
		(void)bad(ps, "the file ends within a line");
		return NULL;
	}
	if (memchr(line, '\0', (size_t)(nl - line)) != NULL) {
		(void)bad(ps, "a NUL in a line");
		return NULL;
	}
	*nl = '\0';
	ps->p = nl + 1;
	return line;
}

static void
skip_remarks(struct parser *ps)
{
	while (ps->why == NULL && ps->p < ps->end && *ps->p == '#')
		(void)any_line(ps);
}

/* The same for the next one that is no remark. */
static char *
next_line(struct parser *ps)
{
	skip_remarks(ps);
	return ps->why == NULL ? any_line(ps) : NULL;
}

/* n bytes and their line feed, or NULL. */
static const unsigned char *
payload(struct parser *ps, size_t n)
{
	char	*data = ps->p, *p;

	if (n >= (size_t)(ps->end - data) || data[n] != '\n') {
		(void)bad(ps, n >= (size_t)(ps->end - data) ?
		    "the file ends within the bytes that follow" :
		    "no line feed where the bytes that follow should end");
		return NULL;
	}
	ps->p = data + n + 1;
	for (p = data; p < ps->p; p++)
		ps->line += *p == '\n';
	return (const unsigned char *)data;
}

/* Cuts the first word off; what follows its blank is returned, or NULL. */
static char *
cut_word(char *text)
{
	char	*blank = strchr(text, ' ');

	if (blank == NULL)
		return NULL;
	*blank = '\0';
	return blank + 1;
}

static const char *
unescaped(struct parser *ps, char *value)
{
	const char	*why;

	if (unescape(value, strlen(value), &why) == (size_t)-1)
		(void)bad(ps, why);
	return value;
}

static uint32_t
number(struct parser *ps, const char *text, uint32_t max)
{
	unsigned long	 n;
	char		*end;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n > max) {
		(void)bad(ps, "not a number, or one that is too large");
		return 0;
	}
	return (uint32_t)n;
}

/* Lines of a block */

enum kind { TEXT, NUMBER, FLAG, ARGUMENT, FAMILY, PORT, STAGE, REASON, LENGTH, MACRO, UNUSED };

static const struct keyword {
	const char	*name;
	const char	*commands;	/* SMFIC_ of those that have it */
	enum kind	 kind;
	size_t		 off;		/* in the item */
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
		(void)bad(ps, "a client-family other than inet, inet6, unix and unknown");
}

static void
take_stage(struct parser *ps, struct transcript_item *it, const char *value)
{
	const struct wire_event	*ev = wire_event_by_name(value);

	it->stage = ev != NULL ? ev->command : (int)number(ps, value, 255);
	if (it->stage == 0)
		(void)bad(ps, "macros of no stage");
}

static void
take_reason(struct parser *ps, struct transcript_item *it, const char *value)
{
	if (strcmp(value, "next") == 0)
		it->command = SMFIC_QUIT_NC;
	else if (strcmp(value, "closed") == 0)
		it->closed = 1;
	else if (strcmp(value, "quit") != 0)
		(void)bad(ps, "a reason other than quit, closed and next");
	it->text = value;
}

static void
take_argument(struct parser *ps, struct transcript_item *it, char *value)
{
	struct transcript_file	*f = ps->f;

	f->args = grow(f->args, f->nargs, sizeof(*f->args));
	if (it->nargs++ == 0)
		it->arg = f->nargs;
	f->args[f->nargs++] = unescaped(ps, value);
}

/*
 * "macro NAME VALUE": braces are put around a name of several letters, over
 * the blanks before and behind it, so it moves a little to the left.
 */
static void
take_macro(struct parser *ps, struct transcript_item *it, char *rest)
{
	struct transcript_file	*f = ps->f;
	char			*value = cut_word(rest), *name = rest;
	size_t			 len = strlen(name);

	if (value == NULL || !transcript_is_word(name)) {
		(void)bad(ps, "a macro without name and value");
		return;
	}
	if (len > 1 && name[0] != '{') {
		name = memmove(rest - 1, rest, len);
		*--name = '{';
		name[len + 1] = '}';
		name[len + 2] = '\0';
	}
	f->macros = grow(f->macros, f->nmacros, sizeof(*f->macros));
	if (it->nmacros++ == 0)
		it->macro = f->nmacros;
	f->macros[f->nmacros].name = name;
	f->macros[f->nmacros++].value = unescaped(ps, value);
}

static void
take_value(struct parser *ps, struct transcript_item *it, const struct keyword *k,
    char *value)
{
	void	*member = (char *)it + k->off;

	switch (k->kind) {
	case TEXT:
		*(const char **)member = unescaped(ps, value);
		break;
	case NUMBER:
		*(uint32_t *)member = number(ps, value, UINT32_MAX);
		break;
	case ARGUMENT:
		take_argument(ps, it, value);
		break;
	case FAMILY:
		take_family(ps, it, value);
		break;
	case PORT:
		it->port = number(ps, value, UINT16_MAX);
		break;
	case STAGE:
		take_stage(ps, it, value);
		break;
	case REASON:
		take_reason(ps, it, value);
		break;
	case LENGTH:
		it->len = number(ps, value, MILTER_MAX_DATA);
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
	char			*value = cut_word(line);
	const struct keyword	*k = find_keyword(line, it->command);

	if (k == NULL)
		(void)bad(ps, "an unknown line, or one that this event does not have");
	else if (k->kind == FLAG) {
		*(int *)((char *)it + k->off) = 1;
		if (value != NULL)
			(void)bad(ps, "a value where none belongs");
	} else if (value == NULL)
		(void)bad(ps, "a line without a value");
	else
		take_value(ps, it, k, value);
}

/* Blocks */

/* What the block must have and has not, or NULL. */
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
	char			*name = cut_word(line);
	const struct wire_event	*ev;

	it->wants_reply = strcmp(line, "event") == 0;
	if (name == NULL || (!it->wants_reply && strcmp(line, "report") != 0))
		return bad(ps, "expected a line event or report");
	if ((ev = wire_event_by_name(name)) != NULL) {
		it->command = ev->command;
		if (ev->nr == 0 && !it->wants_reply)
			return bad(ps, "a report of what is always answered");
	} else if (!it->wants_reply && strcmp(name, "abort") == 0)
		it->command = SMFIC_ABORT;
	else if (!it->wants_reply && strcmp(name, "disconnect") == 0)
		it->command = SMFIC_QUIT;
	else if (!it->wants_reply && strcmp(name, "macros") == 0)
		it->command = SMFIC_MACRO;
	else
		return bad(ps, "an unknown event, or one that is only reported");
	return 0;
}

/* Each session begins with negotiate; only another client's does not. */
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

static int
take_block(struct parser *ps, struct transcript_item *it, char *line)
{
	const char	*why;

	it->line = ps->line;
	if (take_name(ps, it, line) == -1)
		return -1;
	if (!stands_right(ps->f, it))
		return bad(ps, it->command == SMFIC_OPTNEG ?
		    "negotiate within a session" :
		    "a session that does not begin with event negotiate");
	while ((line = next_line(ps)) != NULL && line[0] != '\0' && ps->why == NULL)
		take_line(ps, it, line);
	if (ps->why != NULL)
		return -1;
	if (line == NULL)
		return bad(ps, "the file ends within a block");
	if ((why = missing(it)) != NULL)
		return bad(ps, why);
	if (it->len > 0 && (it->data = payload(ps, it->len)) == NULL)
		return -1;
	return fits_packets(ps->f, it) ? 0 : bad(ps, "more than a milter packet can carry");
}

/* Answers */

static int
is_word(const char *line, const char *word)
{
	size_t	 len = strlen(word);

	return strncmp(line, word, len) == 0 && (line[len] == ' ' || line[len] == '\0');
}

static int
is_verdict(const char *line)
{
	int	 i;

	for (i = 0; i < VD_COUNT; i++)
		if (is_word(line, verdict_name((enum verdict)i)))
			return 1;
	return 0;
}

static int
is_action(const char *line)
{
	int	 i;

	for (i = 0; i < ACT_MTA_COUNT; i++)
		if (is_word(line, action_name((enum action_kind)i)))
			return 1;
	return is_word(line, action_name(ACT_PROGRESS));
}

static int
is_term(const char *line)
{
	return is_word(line, "version") || is_word(line, "actions") ||
	    is_word(line, "protocol") || is_word(line, "macros");
}

static void
add_reply(struct parser *ps, struct transcript_item *it, const char *line)
{
	struct transcript_file	*f = ps->f;
	struct transcript_line	*l;

	f->replies = grow(f->replies, f->nreplies, sizeof(*f->replies));
	if (it->nreply++ == 0)
		it->reply = f->nreplies;
	l = &f->replies[f->nreplies++];
	memset(l, 0, sizeof(*l));
	l->line = ps->line;
	l->text = line;
	if (!is_word(line, "replace-body") || line[strlen("replace-body")] == '\0')
		return;
	l->body_len = number(ps, line + strlen("replace-body "), INT32_MAX);
	l->body = payload(ps, l->body_len);
}

/* 1 if the next line begins a block: then there is no answer to this one. */
static int
block_follows(const struct parser *ps)
{
	size_t	 left = (size_t)(ps->end - ps->p);

	return (left >= 6 && memcmp(ps->p, "event ", 6) == 0) ||
	    (left >= 7 && memcmp(ps->p, "report ", 7) == 0);
}

/* The answer to O: terms up to an empty line. */
static int
take_terms(struct parser *ps, struct transcript_item *it, const char *line)
{
	const char	*value;

	if (line[0] == '\0') {
		it->answered = it->nreply > 0;
		return it->answered;
	}
	if (!is_term(line) || (value = strchr(line, ' ')) == NULL)
		return bad(ps, "an unknown line in the answer to negotiate");
	if (is_word(line, "protocol"))
		it->agreed = number(ps, value + 1, UINT32_MAX);
	add_reply(ps, it, line);
	return 0;
}

/* Returns 1 if the answer is complete. */
static int
take_answer_line(struct parser *ps, struct transcript_item *it, const char *line)
{
	if (it->command == SMFIC_OPTNEG)
		return take_terms(ps, it, line);
	if (line[0] == '\0') {
		if (it->nreply > 0 && !it->answered)
			(void)bad(ps, "an answer without a verdict");
		return it->answered;
	}
	if (it->answered)
		(void)bad(ps, "expected an empty line behind a verdict");
	else if (is_verdict(line))
		it->answered = 1;
	else if (!is_action(line))
		(void)bad(ps, "neither an action nor a verdict");
	add_reply(ps, it, line);
	return 0;
}

static int
take_answer(struct parser *ps, struct transcript_item *it)
{
	char	*line;
	int	 done = 0;

	while (!done && ps->why == NULL) {
		skip_remarks(ps);
		if (block_follows(ps) || (line = next_line(ps)) == NULL)
			break;
		done = take_answer_line(ps, it, line);
	}
	return ps->why == NULL ? 0 : -1;
}

static int
take_item(struct parser *ps, char *line)
{
	struct transcript_file	*f = ps->f;
	struct transcript_item	 it;

	memset(&it, 0, sizeof(it));
	if (take_block(ps, &it, line) == -1 ||
	    (it.wants_reply && take_answer(ps, &it) == -1))
		return -1;
	f->items = grow(f->items, f->nitems, sizeof(*f->items));
	f->items[f->nitems++] = it;
	return 0;
}

static void
parser_init(struct parser *ps, struct transcript_file *f, char *text, size_t len)
{
	memset(ps, 0, sizeof(*ps));
	memset(f, 0, sizeof(*f));
	f->text = text;
	ps->f = f;
	ps->p = text;
	ps->end = text + len;
}

int
transcript_parse(struct transcript_file *f, char *text, size_t len, size_t *line,
    const char **why)
{
	struct parser	 ps;
	char		*first;

	parser_init(&ps, f, text, len);
	while (ps.why == NULL && (first = next_line(&ps)) != NULL)
		if (first[0] != '\0')
			(void)take_item(&ps, first);
	if (ps.why == NULL && f->nitems == 0)
		(void)bad(&ps, "no session in it");
	*line = ps.line;
	*why = ps.why;
	return ps.why == NULL ? 0 : -1;
}

int
transcript_parse_answer(struct transcript_file *f, char *text, size_t len)
{
	struct transcript_item	 it;
	struct parser		 ps;

	memset(&it, 0, sizeof(it));
	parser_init(&ps, f, text, len);
	return take_answer(&ps, &it);
}

void
transcript_file_free(struct transcript_file *f)
{
	free(f->text);
	free(f->items);
	free(f->args);
	free(f->macros);
	free(f->replies);
	memset(f, 0, sizeof(*f));
}
