/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "base/xmalloc.h"

#define DEPTH_MAX	16

struct brace {
	int	 line;
	int	 list;		/* of a list, not of a section */
};

/* Where we are in the grammar. */
enum place { AT_NAME, AT_SIGN, AT_TITLE, AT_VALUE, AT_LIST, AT_COMMA };

struct scan {
	char			*text;
	size_t			 len, pos;
	int			 line;
	char			 last;		/* token before: a sign, 'w' a word or string */
	size_t			 name, name_len;	/* the last word */
	struct brace		 open[DEPTH_MAX];
	size_t			 depth;
	enum place		 place;
	size_t			 word, word_len;	/* that a statement began with */
	size_t			 stmt, stmt_len;	/* the name of the last one; 0: none */
	int			 word_line, stmt_line;
	int			 typographic;	/* the last line where one was told */
	struct conf_text	*out;
};

static void mistake(struct scan *, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
mistake(struct scan *s, int line, const char *fmt, ...)
{
	struct conf_text_error	*e;
	va_list			 ap;

	if (s->out->nerrors == CONF_TEXT_ERRORS)
		return;
	e = &s->out->errors[s->out->nerrors++];
	e->line = line;
	va_start(ap, fmt);
	(void)vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
}

static int
peek(const struct scan *s, size_t ahead)
{
	return s->len - s->pos > ahead ? (unsigned char)s->text[s->pos + ahead] : -1;
}

static void
next(struct scan *s)
{
	if (s->text[s->pos] == '\n')
		s->line++;
	s->pos++;
}

static void
blank(struct scan *s)
{
	if (s->text[s->pos] != '\n')
		s->text[s->pos] = ' ';
	next(s);
}

static void
line_comment(struct scan *s)
{
	while (s->pos < s->len && s->text[s->pos] != '\n')
		blank(s);
}

static void
long_comment(struct scan *s)
{
	int	 line = s->line;

	blank(s);
	blank(s);
	while (peek(s, 0) != -1 && !(peek(s, 0) == '*' && peek(s, 1) == '/'))
		blank(s);
	if (peek(s, 0) == -1) {
		mistake(s, line, "this comment is never closed; expected */");
		return;
	}
	blank(s);
	blank(s);
}

static int
is_octal(int ch)
{
	return ch >= '0' && ch <= '7';
}

static int
is_hex(int ch)
{
	return ch != -1 && ch != '\0' && strchr("0123456789abcdefABCDEF", ch) != NULL;
}

/* libConfuse gives up inside the string at some of these and never recovers. */
static void
check_escape(struct scan *s)
{
	unsigned int	 value = 0, n = 0;

	if (peek(s, 1) == 'x' && is_hex(peek(s, 2))) {
		if (peek(s, 2) == '0' && (peek(s, 3) == '0' || !is_hex(peek(s, 3))))
			mistake(s, s->line, "a string can't hold a NUL byte");
		return;
	}
	if (peek(s, 1) < '0' || peek(s, 1) > '9')
		return;
	while (is_octal(peek(s, 1 + n)) && n < 4)
		value = value * 8 + (unsigned int)(peek(s, 1 + n++) - '0');
	if (n == 0 || n > 3 || value > 255 || peek(s, 1 + n) == '8' || peek(s, 1 + n) == '9')
		mistake(s, s->line, "a backslash and digits: expected three octal digits "
		    "up to 377 (in single quotes a backslash is only itself)");
	else if (value == 0)
		mistake(s, s->line, "a string can't hold a NUL byte");
}

/* "${NAME}" is one unit, even with quotes in it. */
static void
skip_variable(struct scan *s)
{
	size_t	 n = 2;

	while (peek(s, n) != -1 && peek(s, n) != '\n' && peek(s, n) != '}')
		n++;
	if (peek(s, n) != '}') {
		mistake(s, s->line, "${ in double quotes without a }; expected ${NAME}");
		n = 1;
	}
	while (n-- > 0)
		next(s);
}

/* The place after a token, or -1 if the token can't stand here. */
static int
next_place(enum place place, char token)
{
	switch (place) {
	case AT_NAME:
		return token == 'w' ? AT_SIGN : token == '}' ? AT_NAME : -1;
	case AT_SIGN:
		if (token == 'w' || token == '=')
			return token == 'w' ? AT_TITLE : AT_VALUE;
		return token == '{' ? AT_NAME : -1;
	case AT_TITLE:
		return token == '{' ? AT_NAME : -1;
	case AT_VALUE:
		return token == 'w' ? AT_NAME : token == '{' ? AT_LIST : -1;
	case AT_LIST:
		return token == 'w' ? AT_COMMA : token == '}' ? AT_NAME : -1;
	default:
		return token == ',' ? AT_LIST : token == '}' ? AT_NAME : -1;
	}
}

static void
odd(struct scan *s)
{
	struct conf_text_odd	*o = &s->out->odd;
	int			 line = s->line;

	o->line = line;
	if (s->place == AT_SIGN || s->place == AT_TITLE) {
		o->word = s->word;
		o->word_len = s->word_len;
		o->line = line = s->word_line;
	}
	/* What stands in a line of its own is no part of the value before. */
	if (s->place == AT_VALUE || s->place == AT_LIST || s->place == AT_COMMA ||
	    s->stmt_line == line) {
		o->name = s->stmt;
		o->name_len = s->stmt_len;
	}
}

/* Follows the grammar, to the first token that doesn't fit. */
static void
follow(struct scan *s, char token, size_t start)
{
	int	 place;

	if (s->out->odd.line != 0)
		return;
	if ((place = next_place(s->place, token)) == -1) {
		odd(s);
		return;
	}
	if (s->place == AT_NAME) {
		s->word = start;
		s->word_len = s->pos - start;
		s->word_line = s->line;
	}
	if (place == AT_VALUE) {
		s->stmt = s->word;
		s->stmt_len = s->word_len;
		s->stmt_line = s->word_line;
	} else if ((token == '{' && place == AT_NAME) ||
	    (token == '}' && s->place == AT_NAME))
		s->stmt_len = 0;
	s->place = (enum place)place;
}

static void
string(struct scan *s, char quote)
{
	size_t	 start = s->pos;
	int	 line = s->line;

	for (next(s); s->pos < s->len && s->text[s->pos] != quote; next(s)) {
		if (s->text[s->pos] == '\r' && peek(s, 1) == '\n')
			s->text[s->pos] = ' ';
		else if (s->text[s->pos] == '$' && quote == '"' && peek(s, 1) == '{')
			skip_variable(s);
		else if (s->text[s->pos] == '\\' && peek(s, 1) != -1) {
			if (quote == '"')
				check_escape(s);
			next(s);
		}
	}
	if (s->pos >= s->len) {
		mistake(s, line, "this string is never closed; expected another %c", quote);
		return;
	}
	next(s);
	s->last = 'w';
	follow(s, 'w', start);
}

static int
is_word(int ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
	    (ch >= '0' && ch <= '9') ||
	    (ch != -1 && ch != '\0' && strchr("._/:@[]-", ch) != NULL);
}

/* From where the name `include' ended: blanks, "(", a string, ")". */
static void
include(struct scan *s, size_t start)
{
	struct conf_text_include	 inc = { .start = start, .line = s->line };
	size_t				 p = s->pos, end;
	char				 quote;

	p += strspn(s->text + p, " \t");
	if (s->text[p] == '(')
		p += 1 + strspn(s->text + p + 1, " \t");
	quote = s->text[p];
	if (quote != '"' && quote != '\'') {
		mistake(s, s->line, "expected include(\"PATH\")");
		return;
	}
	inc.path = p + 1;
	inc.path_len = strcspn(s->text + inc.path, quote == '"' ? "\"\n" : "'\n");
	end = inc.path + inc.path_len;
	if (s->text[end] == quote)
		end += 1 + strspn(s->text + end + 1, " \t");
	if (s->text[end] != ')' || inc.path_len == 0 ||
	    memchr(s->text + inc.path, '\\', inc.path_len) != NULL) {
		mistake(s, s->line, "expected include(\"PATH\"), on one line, "
		    "without a backslash");
		return;
	}
	inc.end = end + 1;
	s->pos = inc.end;
	s->out->includes = xreallocarray(s->out->includes, s->out->nincludes + 1,
	    sizeof(inc));
	s->out->includes[s->out->nincludes++] = inc;
	s->last = 0;
}

static void
word(struct scan *s)
{
	static const char	 name[] = "include";
	size_t			 start = s->pos, p;

	/* A word may hold // (a path, a URL) but never the beginning of a comment. */
	while (is_word(peek(s, 0)) && !(peek(s, 0) == '/' && peek(s, 1) == '*'))
		next(s);
	p = s->pos + strspn(s->text + s->pos, " \t");
	if (s->pos - start == sizeof(name) - 1 && s->last != '=' && s->text[p] == '(' &&
	    memcmp(s->text + start, name, sizeof(name) - 1) == 0 &&
	    (s->depth == 0 || !s->open[s->depth - 1].list)) {
		include(s, start);
		return;
	}
	s->name = start;
	s->name_len = s->pos - start;
	s->last = 'w';
	follow(s, 'w', start);
}

static void
open_brace(struct scan *s)
{
	struct conf_text	*out = s->out;

	if (s->depth == DEPTH_MAX) {
		mistake(s, s->line, "braces nested too deeply");
		s->pos = s->len;
		s->depth = 0;
		return;
	}
	s->open[s->depth].line = s->line;
	s->open[s->depth].list = s->last == '=';
	if (s->depth++ == 0 && s->last != '=') {
		out->sections = xreallocarray(out->sections, out->nsections + 1,
		    sizeof(*out->sections));
		out->sections[out->nsections++] = s->line;
	}
	s->last = '{';
	next(s);
}

/* After } of a list without values. */
static void
empty_list(struct scan *s)
{
	struct conf_text	*out = s->out;
	struct conf_text_empty	*e;

	out->empties = xreallocarray(out->empties, out->nempties + 1,
	    sizeof(*out->empties));
	e = &out->empties[out->nempties++];
	e->name = s->name;
	e->name_len = s->name_len;
	e->section = s->depth == 0 ? 0 : out->nsections;
	e->line = s->open[s->depth].line;
}

static void
sign(struct scan *s)
{
	int	 ch = peek(s, 0);

	follow(s, (char)ch, s->pos);
	if (ch == '{') {
		open_brace(s);
		return;
	}
	if (ch == '}') {
		if (s->depth == 0)
			mistake(s, s->line, "} without a { before it");
		else if (s->open[--s->depth].list && s->last == '{')
			empty_list(s);
	}
	s->last = (char)ch;
	next(s);
}

/* Bytes that an editor put there where others were meant, or NULL. */
static const char *
typographic(const struct scan *s)
{
	if (s->pos == 0 && peek(s, 0) == 0xef && peek(s, 1) == 0xbb && peek(s, 2) == 0xbf)
		return "a byte order mark (EF BB BF); expected a file without one";
	if (peek(s, 0) != 0xe2 || peek(s, 1) != 0x80)
		return NULL;
	if (peek(s, 2) == 0x98 || peek(s, 2) == 0x99)
		return "a curly quote; expected '";
	if (peek(s, 2) == 0x9c || peek(s, 2) == 0x9d)
		return "a curly quote; expected \"";
	return NULL;
}

static void
stray(struct scan *s)
{
	const char	*what = typographic(s);
	int		 ch = peek(s, 0);

	if (what != NULL) {
		/* Quotes come in pairs. */
		if (s->typographic != s->line)
			mistake(s, s->line, "%s", what);
		s->typographic = s->line;
	} else if (ch == '\0')
		mistake(s, s->line, "a NUL byte; expected text");
	else if (ch > ' ' && ch < 127)
		mistake(s, s->line, "%c outside of quotes; " CONF_TEXT_QUOTE, ch);
	else
		mistake(s, s->line, "a byte 0x%02X outside of quotes; " CONF_TEXT_QUOTE,
		    (unsigned int)ch);
	/* One message for a run of them. */
	while (peek(s, 0) == ch || peek(s, 0) > 127)
		next(s);
}

static void
token(struct scan *s)
{
	int	 ch = peek(s, 0);

	if (ch == ' ' || ch == '\t' || ch == '\n')
		next(s);
	else if (ch == '\r' && peek(s, 1) == '\n')
		blank(s);
	else if (ch == '#' || (ch == '/' && peek(s, 1) == '/'))
		line_comment(s);
	else if (ch == '/' && peek(s, 1) == '*')
		long_comment(s);
	else if (ch == '"' || ch == '\'')
		string(s, (char)ch);
	else if (is_word(ch))
		word(s);
	else if (ch == '+' && peek(s, 1) == '=')
		next(s);
	else if (ch != '\0' && strchr("{}()=,", ch) != NULL)
		sign(s);
	else
		stray(s);
}

void
conf_text_scan(char *text, size_t len, struct conf_text *out)
{
	struct scan	 s = { .text = text, .len = len, .line = 1, .out = out };
	size_t		 i;

	memset(out, 0, sizeof(*out));
	while (s.pos < s.len)
		token(&s);
	for (i = 0; i < s.depth; i++)
		mistake(&s, s.open[i].line, "this { is never closed; expected }");
	out->lines = s.line - 1;
}

void
conf_text_free(struct conf_text *out)
{
	free(out->includes);
	free(out->sections);
	free(out->empties);
	out->includes = NULL;
	out->sections = NULL;
	out->empties = NULL;
	out->nincludes = out->nsections = out->nempties = 0;
}
