/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <confuse.h>

#include "config/errors.h"
#include "config/tree.h"
#include "base/xmalloc.h"

#define UNKNOWN_MAX	32	/* different unknown names told in one run */

static const char *const kind_names[SEC_KINDS] = {
	[SEC_GLOBAL] = "global", [SEC_LISTEN] = "listen", [SEC_HANDLER] = "handler",
};

struct unknown {
	enum section_kind	 kind;
	char			*name;
};

/*
 * libConfuse stops at an unknown name. To find the mistakes behind it, the
 * name is declared and the text read once more; where the name then turns up
 * as an option it becomes an error with its line.
 */
struct parser {
	const struct conf_source	*src;
	const char *const		**names;
	struct conf_tree		*tree;
	struct conf_errors		*errors;
	cfg_t				*root;
	struct conf_section		 now;	/* statements of the section that is open */
	struct unknown			 unknown[UNKNOWN_MAX];
	size_t				 nunknown;
	int				 again;
};

/* libConfuse's callbacks have no argument for it. */
static struct parser *parser;

const char *
conf_section_kind_name(enum section_kind kind)
{
	return kind_names[kind];
}

static enum section_kind
kind_of(cfg_t *cfg)
{
	int	 kind;

	for (kind = SEC_LISTEN; kind < SEC_KINDS; kind++)
		if (strcmp(cfg_name(cfg), kind_names[kind]) == 0)
			return (enum section_kind)kind;
	return SEC_GLOBAL;
}

static int
has_name(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return 1;
	return 0;
}

static void
unknown_option(enum section_kind kind, const char *name, int line)
{
	int	 other;

	for (other = 0; other < SEC_KINDS; other++)
		if (has_name(parser->names[other], name))
			break;
	if (other == SEC_GLOBAL)
		conf_error(parser->errors, line, "%s: unknown here; it is a global option, "
		    "which stands outside of sections", name);
	else if (other < SEC_KINDS)
		conf_error(parser->errors, line, "%s: unknown here; it is an option of a "
		    "`%s' section", name, kind_names[other]);
	else if (kind == SEC_GLOBAL)
		conf_error(parser->errors, line, "%s: unknown; expected an option, "
		    "`listen' or `handler'", name);
	else
		conf_error(parser->errors, line, "%s: unknown; expected an option of "
		    "`%s'", name, kind_names[kind]);
}

/* The last of that name: a value added with += may come after other options. */
static struct conf_stmt *
find(const struct conf_section *sec, const char *name)
{
	size_t	 i;

	for (i = sec->nstmts; i > 0; i--)
		if (strcmp(sec->stmts[i - 1].name, name) == 0)
			return &sec->stmts[i - 1];
	return NULL;
}

const struct conf_stmt *
conf_tree_find(const struct conf_section *sec, const char *name)
{
	return find(sec, name);
}

static struct conf_stmt *
add_stmt(struct conf_section *sec, const char *name, int line)
{
	struct conf_stmt	*st;

	sec->stmts = xreallocarray(sec->stmts, sec->nstmts + 1, sizeof(*sec->stmts));
	st = &sec->stmts[sec->nstmts++];
	memset(st, 0, sizeof(*st));
	st->name = xstrdup(name);
	st->line = line;
	return st;
}

static void
add_value(struct conf_stmt *st, const char *text, int line)
{
	struct conf_value	*v;

	st->values = xreallocarray(st->values, st->nvalues + 1, sizeof(*st->values));
	v = &st->values[st->nvalues++];
	v->text = xstrdup(text);
	v->line = line;
}

/* libConfuse calls it for each value; of `=' the first has number 1, not of `+='. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct conf_section	*sec;
	struct conf_stmt	*st;
	const char		*name = cfg_opt_name(opt);
	enum section_kind	 kind = kind_of(cfg);
	unsigned int		 number = cfg_opt_size(opt);

	*(void **)result = NULL;
	sec = kind == SEC_GLOBAL ? &parser->tree->global : &parser->now;
	if (!has_name(parser->names[kind], name)) {
		if (number == 1)
			unknown_option(kind, name, cfg->line);
		return 0;
	}
	st = find(sec, name);
	if (number == 1) {
		if (st != NULL)
			conf_error(parser->errors, cfg->line,
			    "%s: given twice; expected once", name);
		st = add_stmt(sec, name, cfg->line);
	}
	if (st != NULL)
		add_value(st, value, cfg->line);
	return 0;
}

/* number: of the section in the file, from 1; 0: outside. */
static int
empty_line(const char *name, size_t number)
{
	const struct conf_source	*src = parser->src;
	const struct conf_text_empty	*e;
	size_t				 i;

	for (i = 0; i < src->nempties; i++) {
		e = &src->empties[i];
		if (e->section == number && e->name_len == strlen(name) &&
		    memcmp(src->text + e->name, name, e->name_len) == 0)
			return e->line;
	}
	return 1;
}

/* An empty list has no value to be called for. */
static void
add_empty_lists(cfg_t *cfg, struct conf_section *sec, size_t number)
{
	const struct conf_stmt	*st;
	const char *const	*name;
	cfg_opt_t		*opt;

	for (name = parser->names[sec->kind]; *name != NULL; name++) {
		opt = cfg_getopt(cfg, *name);
		if ((opt->flags & CFGF_MODIFIED) == 0 || cfg_opt_size(opt) != 0)
			continue;
		if ((st = find(sec, *name)) != NULL)
			conf_error(parser->errors, st->line,
			    "%s: given twice; expected once", *name);
		else
			(void)add_stmt(sec, *name, empty_line(*name, number));
	}
}

static int
on_section_end(cfg_t *cfg __unused, cfg_opt_t *opt)
{
	struct conf_tree	*t = parser->tree;
	struct conf_section	*sec = &parser->now;
	cfg_t			*sub = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	sec->kind = kind_of(sub);
	sec->title = xstrdup(cfg_title(sub));
	sec->line = parser->src->nsections > t->nsections ?
	    parser->src->sections[t->nsections] : cfg->line;
	add_empty_lists(sub, sec, t->nsections + 1);
	t->sections = xreallocarray(t->sections, t->nsections + 1, sizeof(*t->sections));
	t->sections[t->nsections++] = *sec;
	memset(sec, 0, sizeof(*sec));
	return 0;
}

static int
is_declared(enum section_kind kind, const char *name)
{
	size_t	 i;

	for (i = 0; i < parser->nunknown; i++)
		if (parser->unknown[i].kind == kind &&
		    strcmp(parser->unknown[i].name, name) == 0)
			return 1;
	return 0;
}

/* 1 if the text is to be read once more with this name declared. */
static int
declare(enum section_kind kind, const char *name)
{
	struct unknown	*u;

	if (parser->nunknown == UNKNOWN_MAX)
		return 0;
	u = &parser->unknown[parser->nunknown++];
	u->kind = kind;
	u->name = xstrdup(name);
	parser->again = 1;
	return 1;
}

/* The statement that the parser stopped in, as "NAME: ", or "". */
static void
odd_name(int line, char *name, size_t size)
{
	const struct conf_text_odd	*o = &parser->src->odd;

	name[0] = '\0';
	if (o->line == line && o->name_len != 0)
		(void)snprintf(name, size, "%.*s: ", (int)o->name_len,
		    parser->src->text + o->name);
}

/* A name without a sign: often a piece of a value that has no quotes. */
static void
stray_word(enum section_kind kind, const char *name, int line)
{
	const struct conf_text_odd	*o = &parser->src->odd;
	const char			*text = parser->src->text;

	if (o->name_len == 0 || o->word_len != strlen(name) ||
	    memcmp(text + o->word, name, o->word_len) != 0) {
		unknown_option(kind, name, line);
		return;
	}
	conf_error(parser->errors, o->line, "%s: unknown; expected an option of `%s'; if it "
	    "belongs to the value of %.*s: " CONF_TEXT_QUOTE, name,
	    kind == SEC_GLOBAL ? "pipemilter.conf" : kind_names[kind],
	    (int)o->name_len, text + o->name);
}

static void on_error(cfg_t *, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	enum section_kind	 kind = kind_of(cfg);
	char			 text[256], in[80];
	const char		*name, *hint = "";
	va_list			 copy;

	if (strcmp(fmt, "no such option '%s'") == 0) {
		name = va_arg(ap, const char *);
		if (!declare(kind, name))
			unknown_option(kind, name, cfg->line);
		return;
	}
	if (strcmp(fmt, "missing equal sign after option '%s'") == 0) {
		va_copy(copy, ap);
		name = va_arg(copy, const char *);
		if (is_declared(kind, name)) {
			/* Something else than an option: it was to be a section. */
			stray_word(kind, name, cfg->line);
			va_end(copy);
			return;
		}
		va_end(copy);
	}
	odd_name(cfg->line, in, sizeof(in));
	if (strncmp(fmt, "unexpected token", 16) == 0)
		hint = "; values of a list have commas between, and " CONF_TEXT_QUOTE;
	else
		in[0] = '\0';
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	conf_error(parser->errors, cfg->line, "%s%s%s", in, text, hint);
}

static cfg_opt_t *
make_options(enum section_kind kind, size_t more)
{
	const cfg_opt_t		 value = CFG_PTR_LIST_CB(NULL, NULL, CFGF_NONE, on_value, NULL);
	const cfg_opt_t		 end = CFG_END();
	const char *const	*name;
	cfg_opt_t		*opts;
	size_t			 n = 0, i;

	while (parser->names[kind][n] != NULL)
		n++;
	opts = xcalloc(n + parser->nunknown + more + 1, sizeof(*opts));
	n = 0;
	for (name = parser->names[kind]; *name != NULL; name++) {
		opts[n] = value;
		opts[n++].name = *name;
	}
	for (i = 0; i < parser->nunknown; i++) {
		if (parser->unknown[i].kind != kind)
			continue;
		opts[n] = value;
		opts[n++].name = parser->unknown[i].name;
	}
	opts[n + more] = end;
	return opts;
}

static void
add_section(cfg_opt_t *opts, enum section_kind kind, cfg_opt_t *sub)
{
	cfg_opt_t	 sec = CFG_SEC(NULL, sub, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);

	sec.name = kind_names[kind];
	while (opts->name != NULL)
		opts++;
	*opts = sec;
}

static int
parse_once(struct parser *p)
{
	cfg_opt_t	*opts, *listen_opts, *handler_opts;
	size_t		 nerrors = p->errors->nerrors;
	int		 result;

	listen_opts = make_options(SEC_LISTEN, 0);
	handler_opts = make_options(SEC_HANDLER, 0);
	opts = make_options(SEC_GLOBAL, 2);
	add_section(opts, SEC_LISTEN, listen_opts);
	add_section(opts, SEC_HANDLER, handler_opts);
	p->again = 0;
	p->root = cfg_init(opts, CFGF_NONE);
	(void)cfg_set_error_function(p->root, on_error);
	(void)cfg_set_validate_func(p->root, "listen", on_section_end);
	(void)cfg_set_validate_func(p->root, "handler", on_section_end);
	result = cfg_parse_buf(p->root, p->src->text);
	if (result == CFG_SUCCESS)
		add_empty_lists(p->root, &p->tree->global, 0);
	else if (!p->again && p->errors->nerrors == nerrors)
		conf_error(p->errors, p->root->line, "a syntax error");
	cfg_free(p->root);
	free(opts);
	free(listen_opts);
	free(handler_opts);
	return result == CFG_SUCCESS ? 0 : -1;
}

static void
free_section(struct conf_section *sec)
{
	size_t	 i, j;

	for (i = 0; i < sec->nstmts; i++) {
		for (j = 0; j < sec->stmts[i].nvalues; j++)
			free(sec->stmts[i].values[j].text);
		free(sec->stmts[i].values);
		free(sec->stmts[i].name);
	}
	free(sec->stmts);
	free(sec->title);
	memset(sec, 0, sizeof(*sec));
}

void
conf_tree_free(struct conf_tree *tree)
{
	size_t	 i;

	for (i = 0; i < tree->nsections; i++)
		free_section(&tree->sections[i]);
	free(tree->sections);
	free_section(&tree->global);
	memset(tree, 0, sizeof(*tree));
}

int
conf_tree_parse(const struct conf_source *src, const char *const *names[SEC_KINDS],
    struct conf_tree *tree, struct conf_errors *errors)
{
	struct parser	 p;
	size_t		 i;
	int		 result;

	memset(&p, 0, sizeof(p));
	memset(tree, 0, sizeof(*tree));
	p.src = src;
	p.names = names;
	p.tree = tree;
	p.errors = errors;
	parser = &p;
	while ((result = parse_once(&p)) == -1 && p.again) {
		conf_tree_free(tree);
		free_section(&p.now);
		conf_errors_clear(errors);
	}
	free_section(&p.now);
	for (i = 0; i < p.nunknown; i++)
		free(p.unknown[i].name);
	parser = NULL;
	return result;
}
