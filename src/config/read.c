/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/read.c: reads the files of a configuration into a tree. next() reads a token.
 * Each function after it reads what its name says, beginning with the token at hand, and
 * returns -1 after a mistake of the grammar; then nothing more goes into the tree.
 */
#include "base/compat.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/slurp.h"
#include "base/xmalloc.h"
#include "config/read.h"

#define ONE_FILE_MAX	((size_t)1024 * 1024)
#define TEXT_MAX	(4 * ONE_FILE_MAX)
#define INCLUDE_DEPTH	8
#define WORD_ROOM	4096	/* bytes, for a word of usual length */
#define PLAIN		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@[]-"

/* Kinds of tokens. The kind of a sign is its first byte. */
enum { END = '\0', BAD = '!', WORD = 'w', STRING = '"' };

struct reader {
	struct conf_source	*src;
	struct conf_errors	*errors;
	struct conf_node	*tree;
	struct conf_node	*sec;		/* the section that is open, or the tree */
	struct buf		 word;		/* the text of the token */
	int			 failed;	/* conf_read() will return -2 */
};

/* A file that is open, and the token at hand. */
struct text {
	struct reader		*r;
	const struct text	*outer;		/* the file that includes this one */
	size_t			 file;		/* index into the files of the source */
	const char		*p;		/* the byte after the token */
	int			 kind;		/* of the token */
	int			 at;		/* its place */
	const char		*word;		/* its text, without quotes and escapes */
};

/* Is -1. Tells a mistake of the grammar, but nothing more about a BAD token. */
#define STOP(t, at, ...) \
	((t)->kind == BAD ? (void)0 : conf_error((t)->r->errors, at, __VA_ARGS__), -1)
/* Makes the token BAD. Only its first mistake is told. */
#define MAKE_BAD(t, p, ...) do { \
	if ((t)->kind != BAD) \
		conf_error((t)->r->errors, mark(t, p), __VA_ARGS__); \
	(t)->kind = BAD; \
	(t)->r->failed = 1; \
} while (0)

/* Returns the place of a byte, a new one. */
static int
mark(const struct text *t, const char *p)
{
	struct conf_source	*src = t->r->src;

	src->marks = xreallocarray(src->marks, src->nmarks + 1, sizeof(*src->marks));
	src->marks[src->nmarks].file = t->file;
	src->marks[src->nmarks].offset = (size_t)(p - src->files[t->file].text);
	return (int)++src->nmarks;
}

/* Skips blanks and comments. */
static void
skip(struct text *t)
{
	const char	*end;

	for (;;) {
		t->p += strspn(t->p, " \t\n");
		if (t->p[0] == '#' || strncmp(t->p, "//", 2) == 0)
			t->p += strcspn(t->p, "\n");
		else if (strncmp(t->p, "/*", 2) == 0 && (end = strstr(t->p + 2, "*/")) != NULL)
			t->p = end + 2;
		else
			return;
	}
}

/* A backslash in double quotes. A byte follows it. */
static void
read_escape(struct text *t)
{
	static const char	 names[] = "abefnrtv", bytes[] = "\a\b\033\f\n\r\t\v";
	const char		*p = t->p + 1, *name = strchr(names, *p);
	char			*end, hex[3];
	unsigned long		 value = (unsigned char)(name == NULL ? *p : bytes[name - names]);
	size_t			 n = 1;

	if (isdigit((unsigned char)*p)) {
		n = strspn(p, "0123456789");
		value = strtoul(p, &end, 8);
		if (end != p + n || n > 3 || value > 255)
			MAKE_BAD(t, t->p, "a backslash and digits: expected three octal digits up "
			    "to 377 (in single quotes a backslash is only itself)");
	} else if (*p == 'x' && isxdigit((unsigned char)p[1])) {
		(void)snprintf(hex, sizeof(hex), "%.2s", p + 1);
		value = strtoul(hex, &end, 16);
		n = 1 + (size_t)(end - hex);
	}
	if (value == 0)
		MAKE_BAD(t, t->p, "a string can't hold a NUL byte");
	if (*p != '\n')		/* the string goes on in the next line */
		buf_add_u8(&t->r->word, value & 255);
	t->p = p + n;
}

/* ${NAME} or ${NAME:-TEXT} in double quotes. TEXT may have quotes in it. */
static void
read_variable(struct text *t)
{
	size_t		 len = strcspn(t->p, "}\n");
	char		*name = xmemdup0(t->p + 2, len - 2), *other = strstr(name, ":-");
	const char	*value;

	if (t->p[len] != '}')
		MAKE_BAD(t, t->p, "${ in double quotes without a }; expected ${NAME}");
	if (other != NULL)
		*other = '\0';
	if ((value = getenv(name)) == NULL)
		value = other == NULL ? "" : other + 2;
	buf_add_str(&t->r->word, value);
	free(name);
	t->p += len + (t->p[len] == '}');
}

static void
read_string(struct text *t)
{
	const char	*start = t->p++;

	t->kind = STRING;
	while (*t->p != '\0' && *t->p != *start)
		if (*start == '"' && strncmp(t->p, "${", 2) == 0)
			read_variable(t);
		else if (*start == '"' && *t->p == '\\' && t->p[1] != '\0')
			read_escape(t);
		else if (strncmp(t->p, "\\\n", 2) == 0)
			t->p += 2;
		else {
			if (*t->p == '\\' && (t->p[1] == '\\' || t->p[1] == '\''))
				t->p++;
			buf_add(&t->r->word, t->p++, 1);
		}
	if (*t->p == *start)
		t->p++;
	else
		MAKE_BAD(t, start, "this string is never closed; expected another %c", *start);
}

/*
 * A byte that begins no token. Skips the rest of the line, which often has more of them: a
 * second quote, or the other bytes of a character.
 */
static void
read_stray(struct text *t)
{
	static const char *const	 known[][2] = {
		{ "/*", "this comment is never closed; expected */" },
		{ "\357\273\277", "a byte order mark (EF BB BF); expected a file without one" },
		{ "\342\200\230", "a curly quote; expected '" },
		{ "\342\200\231", "a curly quote; expected '" },
		{ "\342\200\234", "a curly quote; expected \"" },
		{ "\342\200\235", "a curly quote; expected \"" },
	};
	unsigned int	 ch = (unsigned char)*t->p;
	size_t		 i;

	for (i = 0; i < nitems(known); i++)
		if (strncmp(t->p, known[i][0], strlen(known[i][0])) == 0)
			MAKE_BAD(t, t->p, "%s", known[i][1]);
	if (ch > ' ' && ch < 127)
		MAKE_BAD(t, t->p, "%c outside of quotes; " CONF_QUOTE, ch);
	MAKE_BAD(t, t->p, "a byte 0x%02X outside of quotes; " CONF_QUOTE, ch);
	t->p += ch == '/' ? strlen(t->p) : strcspn(t->p, "\n");
}

static void
read_word_or_sign(struct text *t)
{
	size_t	 len = strspn(t->p, PLAIN);

	if (len > 0)
		t->kind = WORD;
	else if (strchr("{}()=,", *t->p) != NULL || strncmp(t->p, "+=", 2) == 0) {
		t->kind = *t->p;
		len = *t->p == '+' ? 2 : 1;
	}
	/*
	 * A word may have // in it, as a URL does. A comment of the other kind ends the
	 * word.
	 */
	if (len > 0 && t->p[len - 1] == '/' && t->p[len] == '*')
		len--;
	if (len == 0)
		read_stray(t);
	else
		buf_add(&t->r->word, t->p, len);
	t->p += len;
}

/* Reads the next token and returns its kind. */
static int
next(struct text *t)
{
	skip(t);
	buf_reset(&t->r->word);
	t->at = mark(t, t->p);
	t->kind = END;
	if (*t->p == '\'' || *t->p == '"')
		read_string(t);
	else if (*t->p != '\0')
		read_word_or_sign(t);
	buf_add_u8(&t->r->word, '\0');
	t->word = (const char *)t->r->word.data;
	return t->kind;
}

static int
is_text(const struct text *t)
{
	return t->kind == WORD || t->kind == STRING;
}

/* brace: the place of the brace that has to be closed, or 0. */
static int
unexpected(const struct text *t, int brace)
{
	const struct conf_node	*sec = t->r->sec;
	const struct conf_node	*last = sec->nparts == 0 ? sec : &sec->parts[sec->nparts - 1];
	int			 named = last->kind == CONF_OPTION;

	if (t->kind == END && brace != 0)
		return STOP(t, brace, "this { is never closed; expected }");
	if (t->kind == END)
		return STOP(t, t->at, "premature end of file");
	return STOP(t, t->at, "%s%sunexpected token '%.236s'; values of a list have commas "
	    "between, and " CONF_QUOTE, named ? last->text : "", named ? ": " : "", t->word);
}

/* Adds the token to a section or option. */
static struct conf_node *
add_node(const struct text *t, struct conf_node *to, enum conf_kind kind)
{
	struct conf_node	*n;

	to->parts = xreallocarray(to->parts, to->nparts + 1, sizeof(*to->parts));
	n = memset(&to->parts[to->nparts++], 0, sizeof(*n));
	n->kind = kind;
	n->at = t->at;
	n->text = xstrdup(t->word);
	return n;
}

/* A value, or a list in braces. */
static int
read_values(struct text *t, struct conf_node *option)
{
	int	 brace = t->kind == '{' ? t->at : 0;

	while (brace == 0 || next(t) != '}') {
		if (!is_text(t))
			return unexpected(t, brace);
		(void)add_node(t, option, CONF_VALUE);
		if (next(t) != ',' || brace == 0)
			break;
	}
	if (brace != 0 && t->kind != '}')
		return unexpected(t, brace);
	if (brace != 0)
		(void)next(t);
	option->whole = 1;
	return 0;
}

static int
read_option(struct text *t)
{
	struct conf_node	*option = add_node(t, t->r->sec, CONF_OPTION);

	option->sign = next(t);
	if (option->sign != '=' && option->sign != '+')
		return -1;
	(void)next(t);
	return read_values(t, option);
}

static int	 read_body(struct text *);

static int
read_section(struct text *t)
{
	enum conf_kind		 kind = conf_section_kind(t->word);
	const char		*name = kind == SEC_LISTEN ? "listen" : "handler";
	struct conf_node	*sec;

	if (next(t) != WORD && t->kind != STRING)
		return STOP(t, t->at, "missing title for section '%s'", name);
	sec = add_node(t, t->r->tree, kind);
	if (next(t) != '{')
		return STOP(t, t->at, "missing opening brace for section '%s'", name);
	sec->at = t->at;
	t->r->sec = sec;
	(void)next(t);
	if (read_body(t) == -1)
		return -1;
	if (t->kind == END)
		return unexpected(t, sec->at);
	sec->whole = 1;
	t->r->sec = t->r->tree;
	(void)next(t);
	return 0;
}

static int
read_file(struct reader *r, size_t file, const struct text *outer)
{
	const struct conf_file	*f = &r->src->files[file];
	struct text		 t = { .r = r, .outer = outer, .file = file, .p = f->text };
	int			 rc;

	if (strlen(t.p) < f->len) {
		t.p += strlen(t.p);
		MAKE_BAD(&t, t.p, "a NUL byte; expected text");
	} else
		(void)next(&t);
	if ((rc = read_body(&t)) == 0 && t.kind == '}')
		rc = STOP(&t, t.at, "} without a { before it");
	/* The rest may have more BAD tokens. */
	while (t.kind != END && r->errors->nerrors < CONF_ERRORS_MAX)
		(void)next(&t);
	return rc;
}

/* Adds the file at path, or one of this text if it is not NULL. Returns why not, or NULL. */
static const char *
add_file(struct conf_source *src, const char *path, const char *text)
{
	struct conf_file	 f = { .text = NULL };
	const char		*why = "";
	char			*p;

	if (text != NULL) {
		f.text = xstrdup(text);
		f.len = strlen(text);
	} else if ((f.text = slurp(path, ONE_FILE_MAX, &f.st, &f.len, &why)) == NULL)
		return errno == EFBIG ? "larger than 1 MiB" : why;
	/* Places count bytes, so a DOS line end keeps its length. */
	for (p = f.text; (p = strstr(p, "\r\n")) != NULL; )
		*p = ' ';
	f.path = xstrdup(path);
	src->files = xreallocarray(src->files, src->nfiles + 1, sizeof(*src->files));
	src->files[src->nfiles++] = f;
	src->size += f.len;
	return src->size > TEXT_MAX ? "more than 4 MiB with all that is included" : NULL;
}

static int
include_file(const struct text *t, const char *path, int at)
{
	struct conf_source	*src = t->r->src;
	const struct text	*outer;
	const char		*why = add_file(src, path, NULL);
	int			 depth = 0;

	for (outer = t; why == NULL && outer != NULL; outer = outer->outer)
		if (src->files[outer->file].st.st_ino == src->files[src->nfiles - 1].st.st_ino &&
		    src->files[outer->file].st.st_dev == src->files[src->nfiles - 1].st.st_dev)
			why = "it includes itself";
		else if (++depth > INCLUDE_DEPTH)
			why = "nested too deeply; expected 8 files at most";
	if (why == NULL)
		return read_file(t->r, src->nfiles - 1, t);
	conf_error(t->r->errors, at, "include: %s: %s", path, why);
	t->r->failed = 1;
	return 0;
}

/* For glob(3): a directory that is missing is as good as an empty one. */
static int
is_trouble(const char *path __unused, int error)
{
	return error != ENOENT;
}

/* Makes a pattern of the token. A relative one begins in the directory of the file at hand. */
static char *
include_pattern(const struct text *t)
{
	char		*file = xstrdup(t->r->src->files[t->file].path), *pattern, *p;
	const char	*base = t->word[0] == '/' ? "" : dirname(file);

	p = pattern = xmalloc(strlen(base) * 2 + strlen(t->word) + 2);
	for (; *base != '\0'; *p++ = *base++)
		if (strchr("*?[\\", *base) != NULL)
			*p++ = '\\';
	if (t->word[0] != '/')
		*p++ = '/';
	memcpy(p, t->word, strlen(t->word) + 1);
	free(file);
	return pattern;
}

static int
read_include(struct text *t)
{
	int	 at = t->at, rc = 0;
	char	*pattern;
	glob_t	 g = { .gl_pathc = 0 };
	size_t	 i;

	if (next(t) != '(' || next(t) != STRING || t->word[0] == '\0')
		return STOP(t, at, "expected include(\"PATH\")");
	pattern = include_pattern(t);
	if (glob(pattern, strpbrk(t->word, "*?[") == NULL ? GLOB_NOCHECK : 0, is_trouble, &g) ==
	    GLOB_ABORTED) {
		conf_error(t->r->errors, at, "include: %s: its directory can't be read", t->word);
		t->r->failed = 1;
	}
	for (i = 0; i < g.gl_pathc && rc == 0; i++)
		rc = include_file(t, g.gl_pathv[i], at);
	globfree(&g);
	free(pattern);
	if (rc == 0 && next(t) != ')')
		rc = STOP(t, at, "expected include(\"PATH\")");
	(void)next(t);
	return rc;
}

/* Reads all that a section has, up to its closing brace or the end of the file. */
static int
read_body(struct text *t)
{
	int	 rc = 0;

	while (rc == 0 && t->kind != END && t->kind != '}') {
		if (t->r->errors->nerrors >= CONF_ERRORS_MAX)
			rc = -1;
		else if (!is_text(t))
			rc = unexpected(t, 0);
		else if (t->word[0] == '\0')
			rc = STOP(t, t->at, "a syntax error");
		else if (strcmp(t->word, "include") == 0)
			rc = read_include(t);
		else if (t->r->sec == t->r->tree && conf_section_kind(t->word) != SEC_GLOBAL)
			rc = read_section(t);
		else
			rc = read_option(t);
	}
	return rc;
}

int
conf_read(struct conf_source *src, struct conf_node *tree, struct conf_errors *errors,
    const char *path, const char *text)
{
	struct reader	 r = { .src = src, .tree = tree, .errors = errors, .sec = tree };
	const char	*why = add_file(src, path, text);
	int		 rc;

	if (why != NULL) {
		log_msg(LOG_ERR, NULL, "%s: %s", path, why);
		return -2;
	}
	buf_init(&r.word, SIZE_MAX);
	/* A buffer that grows leaves a copy of what it had, which may be a secret. */
	(void)buf_reserve(&r.word, WORD_ROOM);
	rc = read_file(&r, 0, NULL);
	explicit_bzero(r.word.data, r.word.cap);
	buf_free(&r.word);
	return r.failed ? -2 : rc;
}

enum conf_kind
conf_section_kind(const char *name)
{
	if (strcmp(name, "listen") == 0)
		return SEC_LISTEN;
	return strcmp(name, "handler") == 0 ? SEC_HANDLER : SEC_GLOBAL;
}

void
conf_tree_free(struct conf_node *n)
{
	size_t	 i;

	for (i = 0; i < n->nparts; i++)
		conf_tree_free(&n->parts[i]);
	free(n->parts);
	xfree_secret(n->text);
}
