/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * torture/judge.c: whether a reply shows that the handler is wrong.
 */
#include "base/compat.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "torture/judge.h"
#include "base/xmalloc.h"

#define SHORT_COPY	4	/* bytes; a shorter copy may be chance */
#define LONG_COPY	8192	/* a longer value is in no variable */

static const char spoken_cause[] = "a line feed in it ended a line of the reply: is it written "
    "with echo, or unescaped and not escaped again? printf '%s\\n' of the value as it stands in "
    "the block is right";

void
torture_judge_text(struct torture *t, const char *where, const char *text)
{
	const char	*cause, *got;
	char		 what[120];
	size_t		 i, len;

	for (i = 0; i < t->nvalues; i++) {
		cause = torture_mangled(&t->values[i], text, &got, &len);
		if (cause == NULL)
			continue;
		(void)snprintf(what, sizeof(what), "it changed a value (%s) to",
		    t->values[i].about);
		torture_wrong(&t->report, where, what, got, len, cause);
	}
}

void
torture_judge_said(struct torture *t, const char *where, const char *text)
{
	if (strncmp(text, TORTURE_SPOKEN, strlen(TORTURE_SPOKEN)) == 0)
		torture_wrong(&t->report, where, "mail spoke for the handler", text, strlen(text),
		    spoken_cause);
	torture_judge_text(t, where, text);
}

void
torture_judge_names(struct torture *t, const char *where, const void *text, size_t len)
{
	if (len > 0 && memmem(text, len, TORTURE_GLOBBED, strlen(TORTURE_GLOBBED)) != NULL)
		torture_wrong(&t->report, where, "it made the name of a file of a pattern in mail",
		    text, len, "is a variable without quotes around it?");
}

void
torture_judge_reply(struct torture_proc *p, const char *where, const struct torture_reply *r,
    size_t from, size_t to)
{
	const struct action	*a;

	if (r->smtp.text != NULL)
		torture_judge_said(p->t, where, r->smtp.text);
	TAILQ_FOREACH(a, &r->actions, entry)
		if (a->value != NULL)
			torture_judge_text(p->t, where, a->value);
	torture_judge_names(p->t, where, p->out.data + from, to - from);
	torture_judge_names(p->t, where, p->err.data, p->err.len);
	torture_judge_canaries(p->t, where);
}

/*
 * The value of a line of the block, with its escapes; NULL if there is no such
 * line. free(3) it.
 */
static char *
block_value(const struct buf *block, const char *key)
{
	const char	*p = (const char *)block->data, *end = p + block->len, *nl;
	size_t		 len = strlen(key);

	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1)
		if ((size_t)(nl - p) > len && memcmp(p, key, len) == 0 && p[len] == ' ')
			return xmemdup0(p + len + 1, (size_t)(nl - p) - len - 1);
	return NULL;
}

/*
 * The text without the value, blanks at its ends included; NULL if the value is
 * not in it. free(3) it.
 */
static char *
without(const char *text, const char *value)
{
	const char	*at = strstr(text, value);
	char		*rest;

	if (at == NULL)
		return NULL;
	if (asprintf(&rest, "%.*s%s", (int)(at - text), text, at + strlen(value)) == -1)
		fatal("asprintf");
	return rest;
}

static int
same_but_blanks(const char *a, const char *b)
{
	size_t	 n = strlen(a), m = strlen(b);

	while (n > 0 && a[n - 1] == ' ')
		n--;
	while (m > 0 && b[m - 1] == ' ')
		m--;
	return n == m && memcmp(a, b, n) == 0;
}

static void
tell_lost(struct torture *t, const char *where, size_t len)
{
	char	 what[80];

	(void)snprintf(what, sizeof(what), "it lost a value of %zu bytes", len);
	torture_wrong(&t->report, where, what, NULL, 0, "the variable of a value above 8 KB is "
	    "left out (and named in MILTER_OMITTED): read the block");
}

void
torture_judge_copy(struct torture *t, const char *where, const struct buf *block,
    const struct torture_reply *r)
{
	const struct action	*a = TAILQ_FIRST(&r->actions);
	char			*name = block_value(block, "header-name");
	char			*value = block_value(block, "header-value"), *rest;

	while (a != NULL && a->kind != ACT_ADD_HEADER && a->kind != ACT_INSERT_HEADER &&
	    a->kind != ACT_CHANGE_HEADER)
		a = TAILQ_NEXT(a, entry);
	if (a != NULL && a->value != NULL && name != NULL && value != NULL &&
	    strcmp(name, TORTURE_LONG) == 0) {
		if (strlen(value) > LONG_COPY && t->around != NULL &&
		    same_but_blanks(a->value, t->around))
			tell_lost(t, where, strlen(value));
		else if (strlen(value) >= SHORT_COPY && strlen(value) <= LONG_COPY &&
		    (rest = without(a->value, value)) != NULL) {
			free(t->around);
			t->around = rest;
		}
	}
	free(name);
	free(value);
}

/* The most common cause of a wrong line, or NULL if there are many. */
static const char *
line_cause(enum reply_fault fault)
{
	switch (fault) {
	case REPLY_FAULT_KEYWORD:
		return "is something printed for somebody else? Standard output is the reply, "
		    "standard error is logged";
	case REPLY_FAULT_BLANK:
		return "is a value with a line feed written with echo, or unescaped?";
	case REPLY_FAULT_NONE:
	case REPLY_FAULT_SPELLING:
	case REPLY_FAULT_MEMORY:
	case REPLY_FAULT_OTHER:
		break;
	}
	return NULL;
}

void
torture_judge_line(struct torture_proc *p, const char *where, const char *why)
{
	const char	*line;
	char		 what[200];
	size_t		 len;

	line = reply_line(p->dec, &len);
	if (memmem(line, len, TORTURE_SPOKEN, strlen(TORTURE_SPOKEN)) != NULL &&
	    (line[0] == ' ' || strncmp(line, "reject", 6) == 0)) {
		torture_wrong(&p->t->report, where, "mail spoke for the handler", line, len,
		    spoken_cause);
		return;
	}
	(void)snprintf(what, sizeof(what), "%s in its answer", why);
	torture_wrong(&p->t->report, where, what, line, len,
	    line_cause(reply_fault(p->dec)));
}

static void
tell_command(struct torture *t, const char *where, unsigned int number)
{
	const struct torture_value	*v = &t->values[number];
	char				 what[120];

	(void)snprintf(what, sizeof(what), "it ran a command that stood in mail (%s)", v->about);
	torture_wrong(&t->report, where, what, v->text, strlen(v->text),
	    "is mail given to eval, sh -c, system, or an expression? Values are arguments or "
	    "standard input, never a part of a program");
}

void
torture_judge_canaries(struct torture *t, const char *where)
{
	struct dirent	*e;
	unsigned int	 number;
	char		 canary[TORTURE_CANARY_SIZE], path[1200];
	DIR		*dir = opendir(t->dir);

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (sscanf(e->d_name, "ran-%2u", &number) != 1 || number >= t->nvalues)
			continue;
		tell_command(t, where, number);
		torture_canary(number, canary);
		(void)snprintf(path, sizeof(path), "%s/%s", t->dir, canary);
		(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

char *
torture_signature(const struct torture_reply *r)
{
	const struct action	*a;
	struct buf		 b;

	buf_init(&b, SIZE_MAX / 2);
	buf_add_str(&b, verdict_name(r->verdict));
	if (r->smtp.code != 0)
		buf_printf(&b, " %d", r->smtp.code);
	TAILQ_FOREACH(a, &r->actions, entry) {
		if (a->kind >= ACT_MTA_COUNT)
			continue;
		buf_printf(&b, ", %s", action_name(a->kind));
		if (a->name != NULL)
			buf_printf(&b, " %s", a->name);
	}
	return buf_steal(&b, NULL);
}
