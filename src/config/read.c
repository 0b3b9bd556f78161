/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/read.c: the text of a configuration to its tree. The first part makes words and
 * signs of bytes, one file at a time; the second makes statements and sections of these,
 * a token at a time, so that it does not see where one file ends.
 */
#include "base/compat.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "base/xmalloc.h"
#include "config/read.h"

#define WORD_ROOM	4096	/* bytes, for a word of usual length */
#define DEPTH_MAX	16	/* braces in braces */
#define MISTAKES_MAX	16	/* told of one file */
#define UNKNOWN_MAX	32	/* unknown names told of all files */
#define WORD		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@[]-"
#define QUOTE		"a value with other than letters, digits and ._/:@[]- is quoted"

/* A mistake of the grammar, after which tokens are looked at no more. */
#define STOP(r, at, ...) do { \
	conf_error((r)->errors, at, __VA_ARGS__); \
	(r)->state = STOPPED; \
} while (0)

/* The next token: of a statement, its values, a section, a word that is no known name. */
enum { NAME, SIGN, VALUE, LIST, COMMA, TITLE, BRACE, STRAY, STOPPED };

/* A file that is being read. */
struct text {
	struct conf_reader	*r;
	size_t			 file;
	const char		*start, *end, *p;	/* p: the byte at hand; *end is NUL */
	const char		*piece;		/* where the piece at hand begins */
	int			 piece_at;
	int			 braces[DEPTH_MAX];	/* places of those that are open */
	size_t			 depth;
	unsigned int		 lists;		/* a bit for each of these, the last one lowest */
	char			 last;		/* the token before, as take() has it */
};

static void	 take(struct conf_reader *, char kind, int at);

static int
place(const struct text *t, const char *p)
{
	return t->piece_at + (int)(p - t->piece);
}

void
conf_read_mistake(struct conf_reader *r, int at, const char *fmt, ...)
{
	char	*where, *what;
	va_list	 ap;

	r->failed = 1;
	if (r->mistakes++ >= MISTAKES_MAX)
		return;
	where = conf_place(r->src, at);
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) == -1)
		fatal("vasprintf");
	va_end(ap);
	log_msg(LOG_ERR, NULL, "%s: %s", where, what);
	free(where);
	free(what);
}

static void
begin_piece(struct text *t)
{
	struct conf_source	*src = t->r->src;

	src->pieces = xreallocarray(src->pieces, src->npieces + 1, sizeof(*src->pieces));
	t->piece = t->p;
	t->piece_at = t->r->next + 1;
	src->pieces[src->npieces].at = t->piece_at;
	src->pieces[src->npieces].file = t->file;
	src->pieces[src->npieces++].offset = (size_t)(t->p - t->start);
}

/* Past blanks and comments. */
static void
skip(struct text *t)
{
	const char	*end;

	for (;;) {
		t->p += strspn(t->p, " \t\n");
		if (t->p[0] == '\r' && t->p[1] == '\n')
			t->p++;
		else if (t->p[0] == '#' || (t->p[0] == '/' && t->p[1] == '/')) {
			end = memchr(t->p, '\n', (size_t)(t->end - t->p));
			t->p = end == NULL ? t->end : end;
		} else if (t->p[0] == '/' && t->p[1] == '*') {
			end = memmem(t->p + 2, (size_t)(t->end - t->p - 2), "*/", 2);
			if (end == NULL)
				conf_read_mistake(t->r, place(t, t->p),
				    "this comment is never closed; expected */");
			t->p = end == NULL ? t->end : end + 2;
		} else
			return;
	}
}

/* A backslash in double quotes, which something follows. */
static void
read_escape(struct text *t)
{
	static const char	 names[] = "abefnrtv", bytes[] = "\a\b\033\f\n\r\t\v";
	const char		*p = t->p + 1, *name = strchr(names, *p);
	char			 hex[3] = { p[1], p[1] != '\0' && isxdigit((unsigned char)p[2]) ?
				    p[2] : '\0', '\0' };
	unsigned long		 value = (unsigned char)(name == NULL ? *p : bytes[name - names]);
	size_t			 n = 1;

	if (*p >= '0' && *p <= '9') {
		n = strspn(p, "01234567");
		value = strtoul(p, NULL, 8);
		if (n == 0 || n > 3 || value > 255 || p[n] == '8' || p[n] == '9') {
			conf_read_mistake(t->r, place(t, t->p), "a backslash and digits: expected "
			    "three octal digits up to 377 (in single quotes a backslash is only "
			    "itself)");
			value = n = 1;
		}
	} else if (*p == 'x' && isxdigit((unsigned char)hex[0])) {
		n = 1 + strlen(hex);
		value = strtoul(hex, NULL, 16);
	}
	if (value == 0)
		conf_read_mistake(t->r, place(t, t->p), "a string can't hold a NUL byte");
	if (*p != '\n')		/* the string goes on in the next line */
		buf_add_u8(&t->r->word, (unsigned int)value);
	t->p = p + n;
}

/* "${NAME}" or "${NAME:-TEXT}" in double quotes: one unit, even with quotes in it. */
static void
read_variable(struct text *t)
{
	size_t		 len = strcspn(t->p, "}\n");
	const char	*value;
	char		*name, *colon;

	if (t->p[len] != '}') {
		conf_read_mistake(t->r, place(t, t->p),
		    "${ in double quotes without a }; expected ${NAME}");
		t->p++;
		return;
	}
	name = xmemdup0(t->p + 2, len - 2);
	if ((colon = strchr(name, ':')) != NULL && colon[1] == '-')
		*colon = '\0';
	else
		colon = NULL;
	if ((value = getenv(name)) == NULL && colon != NULL)
		value = colon + 2;
	buf_add_str(&t->r->word, value == NULL ? "" : value);
	free(name);
	t->p += len + 1;
}

static void
read_string(struct text *t)
{
	const char	*start = t->p++;
	struct buf	*word = &t->r->word;

	while (t->p < t->end && *t->p != *start) {
		if (*t->p == '\0')
			conf_read_mistake(t->r, place(t, t->p), "a string can't hold a NUL byte");
		if (*start == '"' && t->p[0] == '$' && t->p[1] == '{')
			read_variable(t);
		else if (*t->p == '\\' && t->p[1] != '\0' && *start == '"')
			read_escape(t);
		else if (*t->p == '\\' && t->p[1] != '\0') {
			if (strchr("\\'\n", t->p[1]) == NULL)
				buf_add_u8(word, '\\');
			if (t->p[1] != '\n')
				buf_add_u8(word, (unsigned char)t->p[1]);
			t->p += 2;
		} else {
			buf_add_u8(word, t->p[0] == '\r' && t->p[1] == '\n' ? ' ' :
			    (unsigned char)t->p[0]);
			t->p++;
		}
	}
	if (t->p == t->end)
		conf_read_mistake(t->r, place(t, start), "this string is never closed; "
		    "expected another %c", *start);
	else {
		t->p++;
		t->last = '"';
		take(t->r, '"', place(t, start));
	}
}

/* What follows the word include, and the file that it names. */
static void
read_include(struct text *t, int at)
{
	const char	*path = t->p + 1 + strspn(t->p + 1, " \t"), *end;
	char		*copy, quote = *path++;
	size_t		 len;

	if (quote != '"' && quote != '\'') {
		conf_read_mistake(t->r, at, "expected include(\"PATH\")");
		return;
	}
	len = strcspn(path, quote == '"' ? "\"\n" : "'\n");
	end = path + len;
	if (*end == quote)
		end += 1 + strspn(end + 1, " \t");
	if (*end != ')' || len == 0 || memchr(path, '\\', len) != NULL) {
		conf_read_mistake(t->r, at, "expected include(\"PATH\"), on one line, "
		    "without a backslash");
		return;
	}
	t->p = end + 1;
	t->r->next = place(t, t->p) - 1;
	copy = xmemdup0(path, len);
	t->r->include(t->r, copy, at);
	free(copy);
	begin_piece(t);
	t->last = '\0';
}

/* A word may hold // (a path, a URL) but never the beginning of a comment. */
static void
read_word(struct text *t)
{
	int		 at = place(t, t->p);
	const char	*start = t->p;
	size_t		 len = strspn(start, WORD);

	if (start[len - 1] == '/' && start[len] == '*')
		len--;
	t->p += len;
	if (len == 7 && memcmp(start, "include", len) == 0 && t->p[strspn(t->p, " \t")] == '(' &&
	    t->last != '=' && (t->lists & 1) == 0) {
		t->p += strspn(t->p, " \t");
		read_include(t, at);
		return;
	}
	buf_add(&t->r->word, start, len);
	take(t->r, t->last = 'w', at);
}

static void
read_sign(struct text *t)
{
	size_t	 len = *t->p == '+' ? 2 : 1;
	int	 at = place(t, t->p);

	if (*t->p == '{' && t->depth == DEPTH_MAX) {
		conf_read_mistake(t->r, at, "braces nested too deeply");
		t->depth = 0;
		t->p = t->end;
		return;
	}
	if (*t->p == '{') {
		t->lists = t->lists << 1 | (t->last == '=');
		t->braces[t->depth++] = at;
	} else if (*t->p == '}' && t->depth == 0)
		conf_read_mistake(t->r, at, "} without a { before it");
	else if (*t->p == '}') {
		t->lists >>= 1;
		t->depth--;
	}
	buf_add(&t->r->word, t->p, len);
	t->last = t->p[len - 1];
	take(t->r, *t->p, at);
	t->p += len;
}

/* Bytes that an editor put there where others were meant, or NULL. */
static const char *
typographic(const struct text *t)
{
	if (t->p == t->start && strncmp(t->p, "\357\273\277", 3) == 0)
		return "a byte order mark (EF BB BF); expected a file without one";
	if (strncmp(t->p, "\342\200", 2) != 0)
		return NULL;
	if (t->p[2] == '\230' || t->p[2] == '\231')
		return "a curly quote; expected '";
	return t->p[2] == '\234' || t->p[2] == '\235' ? "a curly quote; expected \"" : NULL;
}

/* Complains once of a run of such bytes, and once of all quotes in a line, which come in pairs. */
static void
read_stray(struct text *t, const char **told)
{
	const char	*what = typographic(t);
	int		 ch = (unsigned char)*t->p, at = place(t, t->p);

	if (what == NULL && ch == '\0')
		conf_read_mistake(t->r, at, "a NUL byte; expected text");
	else if (what == NULL && ch > ' ' && ch < 127)
		conf_read_mistake(t->r, at, "%c outside of quotes; " QUOTE, ch);
	else if (what == NULL)
		conf_read_mistake(t->r, at, "a byte 0x%02X outside of quotes; " QUOTE,
		    (unsigned int)ch);
	else {
		if (*told == NULL || memchr(*told, '\n', (size_t)(t->p - *told)) != NULL)
			conf_read_mistake(t->r, at, "%s", what);
		*told = t->p;
	}
	while (t->p < t->end && ((unsigned char)*t->p == ch || (unsigned char)*t->p > 127))
		t->p++;
}

static void
read_tokens(struct text *t)
{
	const char	*told = NULL;

	for (skip(t); t->p < t->end; skip(t)) {
		buf_reset(&t->r->word);
		if (*t->p == '"' || *t->p == '\'')
			read_string(t);
		else if (*t->p != '\0' && strchr(WORD, *t->p) != NULL)
			read_word(t);
		else if ((*t->p == '+' && t->p[1] == '=') ||
		    (*t->p != '\0' && strchr("{}()=,", *t->p) != NULL))
			read_sign(t);
		else
			read_stray(t, &told);
	}
}

void
conf_read_file(struct conf_reader *r, size_t file)
{
	struct text	 t = { .r = r, .file = file };
	int		 mistakes = r->mistakes;
	size_t		 i;

	t.start = t.p = r->src->files[file].text;
	t.end = t.start + r->src->files[file].len;
	r->mistakes = 0;
	if (r->word.max == 0) {
		buf_init(&r->word, SIZE_MAX);
		/* A buffer that grows leaves a copy, which may be one of a secret. */
		(void)buf_extend(&r->word, WORD_ROOM);
		buf_reset(&r->word);
	}
	begin_piece(&t);
	read_tokens(&t);
	for (i = 0; i < t.depth; i++)
		conf_read_mistake(r, t.braces[i], "this { is never closed; expected }");
	r->mistakes = mistakes;
	r->next = place(&t, t.end);
}

/* The second part: r->word has the token's text, of a string what it stands for. */

static void
unknown_name(struct conf_reader *r, const char *name, int at)
{
	enum section_kind	 kind = r->now.kind, other = SEC_GLOBAL;

	while (other < SEC_KINDS && !r->is_option(other, name))
		other++;
	if (other == SEC_GLOBAL)
		conf_error(r->errors, at, "%s: unknown here; it is a global option, which stands "
		    "outside of sections", name);
	else if (other < SEC_KINDS)
		conf_error(r->errors, at, "%s: unknown here; it is an option of a `%s' section",
		    name, conf_tree_kind(other));
	else if (kind == SEC_GLOBAL)
		conf_error(r->errors, at, "%s: unknown; expected an option, `listen' or `handler'",
		    name);
	else
		conf_error(r->errors, at, "%s: unknown; expected an option of `%s'", name,
		    conf_tree_kind(kind));
	if (r->unknown++ == UNKNOWN_MAX)
		r->state = STOPPED;
}

/* 1 if the place is in the line of the last statement's name. */
static int
after_stmt(const struct conf_reader *r, int at)
{
	struct conf_where	 here, there;

	if (r->stmt.at == 0)
		return 0;
	conf_where(r->src, at, &here);
	conf_where(r->src, r->stmt.at, &there);
	return here.text == there.text;
}

/* A name without sign: often a piece of a value that has no quotes. */
static void
stray_name(struct conf_reader *r, int is_section)
{
	enum section_kind	 kind = r->now.kind;

	if (is_section || r->quoted || !after_stmt(r, r->name.at))
		unknown_name(r, r->name.name, r->name.at);
	else
		conf_error(r->errors, r->name.at, "%s: unknown; expected an option of `%s'; if it "
		    "belongs to the value of %s: " QUOTE, r->name.name, kind == SEC_GLOBAL ?
		    "pipemilter.conf" : conf_tree_kind(kind), r->stmt.name);
	r->state = STOPPED;
}

static void
unexpected(struct conf_reader *r, const char *text, int at)
{
	int	 named = r->state != NAME || after_stmt(r, at);

	STOP(r, at, "%s%sunexpected token '%.236s'; values of a list have commas between, and "
	    QUOTE, named ? r->stmt.name : "", named ? ": " : "", text);
}

/* The statement that values go to: with `=' a new one before the first of them. */
static struct conf_stmt *
target(struct conf_reader *r, int at)
{
	struct conf_section	*sec = r->now.title == NULL ? &r->tree->global : &r->now;
	struct conf_stmt	*st = conf_tree_find(sec, r->stmt.name);

	if (st != NULL && r->adding)
		return st;
	if (st != NULL)
		conf_error(r->errors, at, "%s: given twice; expected once", st->name);
	sec->stmts = xreallocarray(sec->stmts, sec->nstmts + 1, sizeof(*sec->stmts));
	st = &sec->stmts[sec->nstmts++];
	memset(st, 0, sizeof(*st));
	st->name = xstrdup(r->stmt.name);
	st->at = at;
	r->adding = 1;
	return st;
}

static void
take_value(struct conf_reader *r, const char *text, int at)
{
	struct conf_stmt	*st;

	if (!r->known)
		return;
	st = target(r, at);
	if (st->nvalues == 0)
		st->at = at;
	st->values = xreallocarray(st->values, st->nvalues + 1, sizeof(*st->values));
	st->values[st->nvalues].text = xstrdup(text);
	st->values[st->nvalues++].at = at;
}

static void
take_name(struct conf_reader *r, char kind, const char *text, int at)
{
	free(r->name.name);
	r->name.name = xstrdup(text);
	r->name.at = at;
	r->quoted = kind == '"';
	r->known = r->is_option(r->now.kind, text);
	r->kind = r->now.kind == SEC_GLOBAL ? SEC_LISTEN : SEC_KINDS;
	while (r->kind < SEC_KINDS && strcmp(text, conf_tree_kind(r->kind)) != 0)
		r->kind++;
	r->state = r->kind < SEC_KINDS ? TITLE : SIGN;
	if (text[0] == '\0')
		STOP(r, at, "a syntax error");
}

static void
take_sign(struct conf_reader *r, char kind, int at)
{
	struct conf_stmt	 old = r->stmt;

	if (kind == '=' || kind == '+') {
		r->state = VALUE;
		r->stmt = r->name;
		r->name = old;
		r->adding = kind == '+';
		if (!r->known)
			unknown_name(r, r->stmt.name, r->stmt.at);
	} else if (r->known)
		STOP(r, at, "missing equal sign after option '%s'", r->name.name);
	else if (kind == 'w' || kind == '"')
		r->state = STRAY;
	else
		stray_name(r, kind == '{');
}

static void
begin_section(struct conf_reader *r, int at)
{
	const struct conf_section	*sec = r->tree->sections;
	size_t				 i;

	for (i = 0; i < r->tree->nsections; i++)
		if (sec[i].kind == r->kind && strcmp(sec[i].title, r->now.title) == 0) {
			STOP(r, at, "found duplicate title '%.231s'", r->now.title);
			return;
		}
	r->now.kind = r->kind;
	r->now.at = at;
	r->stmt.at = 0;
	r->state = NAME;
}

static void
end_section(struct conf_reader *r)
{
	struct conf_tree	*tree = r->tree;

	r->stmt.at = 0;
	if (r->now.kind == SEC_GLOBAL)
		return;
	tree->sections = xreallocarray(tree->sections, tree->nsections + 1,
	    sizeof(*tree->sections));
	tree->sections[tree->nsections++] = r->now;
	memset(&r->now, 0, sizeof(r->now));
}

/* The title of a section, or the brace that opens it. */
static void
take_section(struct conf_reader *r, char kind, const char *text, int at)
{
	if (r->state == BRACE && kind == '{')
		begin_section(r, at);
	else if (r->state == BRACE)
		STOP(r, at, "missing opening brace for section '%s'", r->name.name);
	else if (kind != 'w' && kind != '"')
		STOP(r, at, "missing title for section '%s'", r->name.name);
	else {
		r->now.title = xstrdup(text);
		r->state = BRACE;
	}
}

/* What follows a sign: a value, or a list to its end. */
static void
take_list(struct conf_reader *r, char kind, const char *text, int at)
{
	if ((kind == 'w' || kind == '"') && r->state != COMMA) {
		take_value(r, text, at);
		r->state = r->state == LIST ? COMMA : NAME;
	} else if (kind == '{' && r->state == VALUE) {
		r->list = at;
		r->state = LIST;
	} else if (kind == ',' && r->state == COMMA)
		r->state = LIST;
	else if (kind == '}' && r->state != VALUE) {
		if (r->known)
			(void)target(r, r->list);
		r->state = NAME;
	} else
		unexpected(r, text, at);
}

/* kind: 'w' for a word, '"' for a string, or the sign's first byte. */
static void
take(struct conf_reader *r, char kind, int at)
{
	const char	*text;

	buf_add_u8(&r->word, '\0');
	text = (const char *)r->word.data;
	if (r->state == SIGN)
		take_sign(r, kind, at);
	else if (r->state == STRAY)
		stray_name(r, kind == '{');
	else if (r->state == TITLE || r->state == BRACE)
		take_section(r, kind, text, at);
	else if (r->state == VALUE || r->state == LIST || r->state == COMMA)
		take_list(r, kind, text, at);
	else if (r->state == NAME && kind == '}')
		end_section(r);
	else if (r->state == NAME && (kind == 'w' || kind == '"'))
		take_name(r, kind, text, at);
	else if (r->state == NAME)
		unexpected(r, text, at);
}

int
conf_read_end(struct conf_reader *r)
{
	int	 whole = r->state == NAME;

	if (r->state == STRAY)
		unknown_name(r, r->name.name, r->name.at);
	else if (!whole && r->state != STOPPED)
		conf_error(r->errors, r->next, "premature end of file");
	conf_tree_free_section(&r->now);
	free(r->name.name);
	free(r->stmt.name);
	if (r->word.data != NULL)
		explicit_bzero(r->word.data, r->word.cap);
	buf_free(&r->word);
	return whole ? 0 : -1;
}
