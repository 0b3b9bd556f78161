/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/read.c: reads a transcript: its blocks and their answers.
 */
#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/action.h"
#include "milter/verdict.h"
#include "transcript/parts.h"
#include "base/xmalloc.h"

static int
begins_with(const char *line, const char *word)
{
	size_t	 len = strlen(word);

	return strncmp(line, word, len) == 0 && (line[len] == ' ' || line[len] == '\0');
}

static int
is_verdict_line(const char *line)
{
	int	 i;

	for (i = 0; i < VD_COUNT; i++)
		if (begins_with(line, verdict_name((enum verdict)i)))
			return 1;
	return 0;
}

static int
is_action_line(const char *line)
{
	int	 i;

	for (i = 0; i < ACT_MTA_COUNT; i++)
		if (begins_with(line, action_name((enum action_kind)i)))
			return 1;
	return begins_with(line, action_name(ACT_PROGRESS));
}

static int
is_terms_line(const char *line)
{
	return begins_with(line, "version") || begins_with(line, "actions") ||
	    begins_with(line, "protocol") || begins_with(line, "macros");
}

static void
add_reply(struct parser *ps, struct transcript_item *it, const char *line)
{
	struct transcript_file	*f = ps->f;
	struct transcript_line	*l;
	char			*plain;

	f->replies = lines_grow(f->replies, f->nreplies, sizeof(*f->replies));
	if (it->nreply++ == 0)
		it->reply = f->nreplies;
	l = &f->replies[f->nreplies++];
	memset(l, 0, sizeof(*l));
	l->line = ps->line;
	l->text = line;
	plain = xstrdup(line);
	(void)lines_unescape(ps, plain);
	free(plain);
	if (!begins_with(line, "replace-body") || line[strlen("replace-body")] == '\0')
		return;
	l->body_len = lines_number(ps, line + strlen("replace-body "), INT32_MAX);
	l->body = lines_payload(ps, l->body_len);
}

/* 1 if the next line begins a block: then the block before it has no answer. */
static int
block_follows(const struct parser *ps)
{
	size_t	 left = (size_t)(ps->end - ps->p);

	return (left >= 6 && memcmp(ps->p, "event ", 6) == 0) ||
	    (left >= 7 && memcmp(ps->p, "report ", 7) == 0);
}

/* Reads a line of the answer to O. Returns 1 at the empty line that ends the answer. */
static int
read_terms_line(struct parser *ps, struct transcript_item *it, const char *line)
{
	const char	*value;

	if (line[0] == '\0') {
		it->answered = it->nreply > 0;
		return it->answered;
	}
	if (!is_terms_line(line) || (value = strchr(line, ' ')) == NULL)
		return lines_bad(ps, "an unknown line in the answer to negotiate");
	if (begins_with(line, "protocol"))
		it->agreed = lines_number(ps, value + 1, UINT32_MAX);
	add_reply(ps, it, line);
	return 0;
}

/* Reads a line of an answer. Returns 1 if the answer is complete. */
static int
read_answer_line(struct parser *ps, struct transcript_item *it, const char *line)
{
	if (it->command == SMFIC_OPTNEG)
		return read_terms_line(ps, it, line);
	if (line[0] == '\0') {
		if (it->nreply > 0 && !it->answered)
			(void)lines_bad(ps, "an answer without a verdict");
		return it->answered;
	}
	if (it->answered)
		(void)lines_bad(ps, "expected an empty line after a verdict");
	else if (is_verdict_line(line))
		it->answered = 1;
	else if (!is_action_line(line))
		(void)lines_bad(ps, "neither an action nor a verdict");
	add_reply(ps, it, line);
	return 0;
}

static int
read_answer(struct parser *ps, struct transcript_item *it)
{
	char	*line;
	int	 done = 0;

	while (!done && ps->why == NULL) {
		lines_skip_remarks(ps);
		if (block_follows(ps) || (line = lines_next(ps)) == NULL)
			break;
		done = read_answer_line(ps, it, line);
	}
	return ps->why == NULL ? 0 : -1;
}

static int
read_item(struct parser *ps, char *line)
{
	struct transcript_file	*f = ps->f;
	struct transcript_item	 it;

	memset(&it, 0, sizeof(it));
	if (transcript_block(ps, &it, line) == -1 ||
	    (it.wants_reply && read_answer(ps, &it) == -1))
		return -1;
	f->items = lines_grow(f->items, f->nitems, sizeof(*f->items));
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
	while (ps.why == NULL && (first = lines_next(&ps)) != NULL)
		if (first[0] != '\0')
			(void)read_item(&ps, first);
	if (ps.why == NULL && f->nitems == 0)
		(void)lines_bad(&ps, "no session in it");
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
	return read_answer(&ps, &it);
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
