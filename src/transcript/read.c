/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/action.h"
#include "milter/verdict.h"
#include "transcript/parts.h"
#include "base/xmalloc.h"

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
	char			*plain;

	f->replies = parser_grow(f->replies, f->nreplies, sizeof(*f->replies));
	if (it->nreply++ == 0)
		it->reply = f->nreplies;
	l = &f->replies[f->nreplies++];
	memset(l, 0, sizeof(*l));
	l->line = ps->line;
	l->text = line;
	plain = xstrdup(line);
	(void)parser_unescape(ps, plain);
	free(plain);
	if (!is_word(line, "replace-body") || line[strlen("replace-body")] == '\0')
		return;
	l->body_len = parser_number(ps, line + strlen("replace-body "), INT32_MAX);
	l->body = parser_payload(ps, l->body_len);
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
		return parser_bad(ps, "an unknown line in the answer to negotiate");
	if (is_word(line, "protocol"))
		it->agreed = parser_number(ps, value + 1, UINT32_MAX);
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
			(void)parser_bad(ps, "an answer without a verdict");
		return it->answered;
	}
	if (it->answered)
		(void)parser_bad(ps, "expected an empty line behind a verdict");
	else if (is_verdict(line))
		it->answered = 1;
	else if (!is_action(line))
		(void)parser_bad(ps, "neither an action nor a verdict");
	add_reply(ps, it, line);
	return 0;
}

static int
take_answer(struct parser *ps, struct transcript_item *it)
{
	char	*line;
	int	 done = 0;

	while (!done && ps->why == NULL) {
		parser_skip_remarks(ps);
		if (block_follows(ps) || (line = parser_line(ps)) == NULL)
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
	if (parser_block(ps, &it, line) == -1 ||
	    (it.wants_reply && take_answer(ps, &it) == -1))
		return -1;
	f->items = parser_grow(f->items, f->nitems, sizeof(*f->items));
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
	while (ps.why == NULL && (first = parser_line(&ps)) != NULL)
		if (first[0] != '\0')
			(void)take_item(&ps, first);
	if (ps.why == NULL && f->nitems == 0)
		(void)parser_bad(&ps, "no session in it");
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
