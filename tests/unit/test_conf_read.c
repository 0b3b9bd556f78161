/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* config/read.h, and the places of config/errors.h; messages are in conf.bats, too. */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xmalloc.h"
#include "config/read.h"
#include "tap.h"

static char	 logged[256];	/* the first mistake of the text */
static int	 nlogged;

struct reading {
	struct conf_source	 src;
	struct conf_tree	 tree;
	struct conf_errors	 errors;
	struct conf_reader	 r;
};

static void
keep(int severity __unused, const char *line)
{
	if (nlogged++ == 0)
		(void)snprintf(logged, sizeof(logged), "%s", line);
}

static int
is_option(enum section_kind kind, const char *name)
{
	static const char *const	 names[SEC_KINDS] = { "abc", "l", "h" };

	return name[0] != '\0' && name[1] == '\0' && strchr(names[kind], name[0]) != NULL;
}

static void
add_file(struct conf_source *src, const char *path, const char *text, size_t len)
{
	src->files = xreallocarray(src->files, src->nfiles + 1, sizeof(*src->files));
	memset(&src->files[src->nfiles], 0, sizeof(*src->files));
	src->files[src->nfiles].path = xstrdup(path);
	src->files[src->nfiles].text = xmemdup0(text, len);
	src->files[src->nfiles++].len = len;
}

/* The text of an included file is its path. */
static void
include(struct conf_reader *r, const char *path, int at __unused)
{
	add_file(r->src, path, path, strlen(path));
	conf_read_file(r, r->src->nfiles - 1);
}

static int
begin(struct reading *g, const char *text, size_t len)
{
	memset(g, 0, sizeof(*g));
	g->r.src = &g->src;
	g->r.tree = &g->tree;
	g->r.errors = &g->errors;
	g->r.is_option = is_option;
	g->r.include = include;
	nlogged = 0;
	logged[0] = '\0';
	add_file(&g->src, "f", text, len);
	conf_read_file(&g->r, 0);
	return conf_read_end(&g->r);
}

static void
end(struct reading *g)
{
	size_t	 i;

	conf_errors_clear(&g->errors);
	conf_tree_free(&g->tree);
	for (i = 0; i < g->src.nfiles; i++) {
		free(g->src.files[i].path);
		free(g->src.files[i].text);
	}
	free(g->src.files);
	free(g->src.pieces);
}

/* "PATH:LINE:COLUMN " */
static void
print_at(struct buf *out, const struct conf_source *src, int at)
{
	struct conf_where	 w;

	conf_where(src, at, &w);
	buf_printf(out, "%s:%d:%d ", w.file->path, w.line, w.column);
}

static void
print_section(struct buf *out, const struct conf_source *src, const struct conf_section *sec)
{
	const struct conf_stmt	*st;
	size_t			 i, j;

	for (i = 0; i < sec->nstmts; i++) {
		st = &sec->stmts[i];
		buf_printf(out, "%s=", st->name);
		if (st->nvalues == 0)
			print_at(out, src, st->at);
		for (j = 0; j < st->nvalues; j++) {
			buf_printf(out, "[%s]", st->values[j].text);
			print_at(out, src, st->values[j].at);
		}
	}
}

static char *
print_tree(const struct reading *g)
{
	struct buf	 out;
	size_t		 i;

	buf_init(&out, SIZE_MAX);
	buf_add_str(&out, "");
	print_section(&out, &g->src, &g->tree.global);
	for (i = 0; i < g->tree.nsections; i++) {
		buf_printf(&out, "%s %s{", conf_tree_kind(g->tree.sections[i].kind),
		    g->tree.sections[i].title);
		print_at(&out, &g->src, g->tree.sections[i].at);
		print_section(&out, &g->src, &g->tree.sections[i]);
		buf_add_str(&out, "}");
	}
	return buf_steal(&out, NULL);
}

/* What a text without mistakes means. */
static const struct {
	const char	*in, *out;
} trees[] = {
	{ "", "" },
	{ "a = 1", "a=[1]f:1:5 " },
	{ "a=1b b=2", "a=[1b]f:1:3 b=[2]f:1:8 " },
	{ "a=1b = 2", NULL },
	{ "a = b c += {d,\ne,}", "a=[b]f:1:5 c=[d]f:1:13 [e]f:2:1 " },
	{ "a = {} b={ }", "a=f:1:5 b=f:1:10 " },
	{ "a = {1} a += 2 a += {} a += {3}", "a=[1]f:1:6 [2]f:1:14 [3]f:1:30 " },
	{ "a += {} a += 1", "a=[1]f:1:14 " },
	{ "# b\na = 1 # c\n// d\nb = 2 // e", "a=[1]f:2:5 b=[2]f:4:5 " },
	{ "/**/a/***/=/*/ */1/* /*\n */b = 2/*", NULL },
	{ "/**/a/***/=/*/ */1/* /*\n */b = 2", "a=[1]f:1:18 b=[2]f:2:8 " },
	{ "a = 5s/*x*/ b = http://x//y c =//\nz", "a=[5s]f:1:5 b=[http://x//y]f:1:17 "
	    "c=[z]f:2:1 " },
	{ "a = unix:/b//c b = [::1]:5@x_-.", "a=[unix:/b//c]f:1:5 b=[[::1]:5@x_-.]f:1:20 " },
	{ "a = '# // /*\"' b=\"#'\"", "a=[# // /*\"]f:1:5 b=[#']f:1:18 " },
	{ "a = 'x\\'y\\\\z\\w\\\nv' b = 1", "a=[x'y\\z\\wv]f:1:5 b=[1]f:2:8 " },
	{ "a = \"x\\\"y\\\\z\\w\\\nv\"", "a=[x\"y\\zwv]f:1:5 " },
	{ "a = \"\\a\\b\\e\\f\\n\\r\\t\\v\"", "a=[\a\b\033\f\n\r\t\v]f:1:5 " },
	{ "a = \"\\1\\12\\1019\\x41\\x4g\\xg\"", NULL },
	{ "a = \"\\1\\12\\101x\\x41\\x4g\\xg\\377\"", "a=[\1\n" "AxA\4gxg\377]f:1:5 " },
	{ "a = '\\101$\\n${X}'", "a=[\\101$\\n${X}]f:1:5 " },
	{ "a = \"${SET}-${SET:-x}-${UNSET}-${UNSET:-\"'}-${A:B:-c}$\"",
	    "a=[yes-yes--\"'-$]f:1:5 " },
	{ "a = \"${EMPTY:-x}\\${SET}\"", "a=[${SET}]f:1:5 " },
	{ "a = 1\r\nb = 'x\r\ny'\r\n#c\r\n", "a=[1]f:1:5 b=[x \ny]f:2:5 " },
	{ "a = 'x\ny' b = z", "a=[x\ny]f:1:5 b=[z]f:2:8 " },
	{ "'a' = include \"b\"={include}", "a=[include]f:1:7 b=[include]f:1:20 " },
	{ "listen t { l = 1 } handler 'u v'\n{h={2}} a=3 listen w { }",
	    "a=[3]f:2:11 listen t{f:1:10 l=[1]f:1:16 }handler u v{f:2:1 h=[2]f:2:5 }"
	    "listen w{f:2:22 }" },
	{ "a = 1 include('b = 2\') c = 3", "a=[1]f:1:5 b=[2]b = 2:1:5 c=[3]f:1:28 " },
	{ "include ( \"a = 1\" )\n b = 2", "a=[1]a = 1:1:5 b=[2]f:2:6 " },
	{ "a include('= 1')", "a=[1]= 1:1:3 " },
	{ "listen include('t') { }", "listen t{f:1:21 }" },
};

static void
test_trees(void)
{
	struct reading	 g;
	size_t		 i;
	int		 rc;
	char		*text;

	(void)setenv("SET", "yes", 1);
	(void)setenv("EMPTY", "", 1);
	(void)unsetenv("UNSET");
	for (i = 0; i < nitems(trees); i++) {
		rc = begin(&g, trees[i].in, strlen(trees[i].in));
		text = print_tree(&g);
		CHECK((g.r.failed || rc == -1) == (trees[i].out == NULL), trees[i].in);
		if (trees[i].out != NULL) {
			CHECK(g.errors.n == 0 && nlogged == 0, trees[i].in);
			CHECK_STR(text == NULL ? "" : text, trees[i].out, trees[i].in);
		}
		free(text);
		end(&g);
	}
}

/* The first mistake, and its line. */
static const struct {
	const char	*in;
	size_t		 len;	/* 0: strlen */
	int		 line;
	const char	*what;
} mistakes[] = {
	{ "a\n/* b\nc", 0, 2, "this comment is never closed" },
	{ "/*/", 0, 1, "this comment is never closed" },
	{ "\na = \"b\nc\n", 0, 2, "this string is never closed" },
	{ "a\n\n'", 0, 3, "this string is never closed" },
	{ "'a\\'", 0, 1, "this string is never closed" },
	{ "'a\\", 0, 1, "this string is never closed" },
	{ "#\nlisten {\n a=b\n", 0, 2, "this { is never closed" },
	{ "a {\nb = {c}\n", 0, 1, "this { is never closed" },
	{ "a {\n}\n}", 0, 3, "} without a {" },
	{ "/*\n\n*/ // x\n# y\n;", 0, 5, "; outside of quotes" },
	{ "a='\n\n'\nb=\"\n\"\n%", 0, 6, "% outside of quotes" },
	{ "a\nb\0c", 5, 2, "a NUL byte" },
	{ "a = *", 0, 1, "* outside of quotes" },
	{ "a + b", 0, 1, "+ outside of quotes" },
	{ "a = ${HOME}", 0, 1, "$ outside of quotes" },
	{ "a = \303\244", 0, 1, "a byte 0xC3 outside of quotes" },
	{ "a\rb", 0, 1, "a byte 0x0D outside of quotes" },
	{ "\357\273\277a = b", 0, 1, "a byte order mark" },
	{ "\n\357\273\277a = b", 0, 2, "a byte 0xEF" },
	{ "a =\n\342\200\234b\342\200\235", 0, 2,
	    "a curly quote; expected \"" },
	{ "a = \342\200\231", 0, 1, "a curly quote; expected '" },
	{ "a = \342\200\223", 0, 1, "a byte 0xE2" },
	{ "a = \342\200", 0, 1, "a byte 0xE2" },
	{ "a = \"${B\n}\"", 0, 1, "${ in double quotes without a }" },
	{ "\"\\400\"", 0, 1, "a backslash and digits" },
	{ "\"\\1234\"", 0, 1, "a backslash and digits" },
	{ "\"\n\\8\"", 0, 2, "a backslash and digits" },
	{ "\"\\18\"", 0, 1, "a backslash and digits" },
	{ "\"\\0\"", 0, 1, "a string can't hold a NUL" },
	{ "\"\\x00\"", 0, 1, "a string can't hold a NUL" },
	{ "\"\\x0\"", 0, 1, "a string can't hold a NUL" },
	{ "\ninclude(a)", 0, 2, "expected include(\"PATH\")" },
	{ "include(\"a\n\")", 0, 1, "expected include(\"PATH\")" },
	{ "include('')", 0, 1, "expected include(\"PATH\")" },
	{ "include('a'", 0, 1, "expected include(\"PATH\")" },
	{ "{{{{{{{{{{{{{{{{{{", 0, 1, "braces nested too deeply" },
};

static void
test_mistakes(void)
{
	struct reading	 g;
	size_t		 i;
	char		 expected[200];

	for (i = 0; i < nitems(mistakes); i++) {
		(void)begin(&g, mistakes[i].in, mistakes[i].len == 0 ? strlen(mistakes[i].in) :
		    mistakes[i].len);
		CHECK(g.r.failed && nlogged > 0, mistakes[i].in);
		(void)snprintf(expected, sizeof(expected), "f:%d: %s", mistakes[i].line,
		    mistakes[i].what);
		logged[strlen(expected)] = '\0';
		CHECK_STR(logged, expected, mistakes[i].in);
		end(&g);
	}
}

static void
test_many(void)
{
	struct reading	 g;
	char		 text[200];

	(void)begin(&g, "; a\n; b\n'", 9);
	CHECK(g.r.failed && nlogged == 3, "every mistake is told");
	end(&g);
	memset(text, ' ', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i += 2)
		text[i] = ';';
	(void)begin(&g, text, sizeof(text));
	CHECK(nlogged == 16, "but not without end");
	end(&g);
	for (size_t i = 0; i < sizeof(text); i += 4)
		memcpy(text + i, "z=1 ", 4);
	(void)begin(&g, text, sizeof(text));
	CHECK(g.errors.n == 33 && !g.r.failed, "nor are unknown names");
	end(&g);
}

/* The first mistake of the grammar, and its line and column. */
static const struct {
	const char	*in;
	int		 line, column;
	const char	*what;
} errors[] = {
	{ "a = = b", 1, 5, "a: unexpected token '='" },
	{ "a += += b", 1, 6, "a: unexpected token '+='" },
	{ "a = b\n, c", 2, 1, "unexpected token ','" },
	{ "a = b, c", 1, 6, "a: unexpected token ','" },
	{ "a = {\nb\n'c'}", 3, 1, "a: unexpected token 'c'" },
	{ "b = {{}}", 1, 6, "b: unexpected token '{'" },
	{ "handler a { h = c\n\n}\n= d", 4, 1, "unexpected token '='" },
	{ "a = b c d e\nf = 1", 1, 9, "missing equal sign after option 'c'" },
	{ "a = b\n x d e", 2, 2, "x: unknown; expected an option, `listen' or `handler'" },
	{ "a = b x d e", 1, 7, "x: unknown; expected an option of `pipemilter.conf'; if it "
	    "belongs to the value of a: a value" },
	{ "a = b 'x' d e", 1, 7, "x: unknown; expected an option, `listen' or `handler'" },
	{ "a = b x d { }", 1, 7, "x: unknown; expected an option, `listen' or `handler'" },
	{ "a = b\n\tx d", 2, 2, "x: unknown; expected an option, `listen' or `handler'" },
	{ "x = {}", 1, 1, "x: unknown; expected an option, `listen' or `handler'" },
	{ "x = {y,\n z} a = 1", 1, 1, "x: unknown; expected an option, `listen' or `handler'" },
	{ "h = 1", 1, 1, "h: unknown here; it is an option of a `handler' section" },
	{ "handler x { a = 1 }", 1, 13, "a: unknown here; it is a global option" },
	{ "handler x { listen y { } }", 1, 13, "listen: unknown; expected an option of "
	    "`handler'" },
	{ "a = 1 a = 2", 1, 11, "a: given twice; expected once" },
	{ "a = {} a = 2", 1, 12, "a: given twice; expected once" },
	{ "a = 1\na = {}", 2, 5, "a: given twice; expected once" },
	{ "listen t { }\nlisten 't'\n{ }", 3, 1, "found duplicate title 't'" },
	{ "listen { }", 1, 8, "missing title for section 'listen'" },
	{ "listen t = 1", 1, 10, "missing opening brace for section 'listen'" },
	{ "a 1", 1, 3, "missing equal sign after option 'a'" },
	{ "\n'' = 5", 2, 1, "a syntax error" },
	{ "a =\n", 2, 1, "premature end of file" },
	{ "x", 1, 2, "premature end of file" },
	{ "listen t", 1, 9, "premature end of file" },
};

static void
test_errors(void)
{
	struct conf_where	 w;
	struct reading		 g;
	size_t			 i;

	for (i = 0; i < nitems(errors); i++) {
		(void)begin(&g, errors[i].in, strlen(errors[i].in));
		CHECK(!g.r.failed && g.errors.n > 0, errors[i].in);
		if (g.errors.n > 0) {
			conf_where(&g.src, g.errors.list[0].at, &w);
			CHECK(w.line == errors[i].line && w.column == errors[i].column,
			    errors[i].in);
			CHECK(strncmp(g.errors.list[0].text, errors[i].what,
			    strlen(errors[i].what)) == 0, g.errors.list[0].text);
		}
		end(&g);
	}
}

/* What a message can show of the line. */
static void
test_where(void)
{
	static const char	 text[] = "a = 1\r\nb = {x,\n\t y} include('c = 1') zz = 2\nyy = 3";
	struct conf_where	 w;
	struct reading		 g;

	(void)begin(&g, text, sizeof(text) - 1);
	CHECK(g.errors.n == 2, "two names are unknown");
	if (g.errors.n == 2) {
		conf_where(&g.src, g.errors.list[0].at, &w);
		CHECK_MEM(w.text, w.len, "\t y} include('c = 1') zz = 2", 28, "the line as a whole");
		CHECK(w.line == 3 && w.column == 23, "the place in it");
		conf_where(&g.src, g.errors.list[1].at, &w);
		CHECK_MEM(w.text, w.len, "yy = 3", 6, "the last line");
		conf_where(&g.src, 1, &w);
		CHECK_MEM(w.text, w.len, "a = 1", 5, "the first, without its end");
	}
	end(&g);
}

/* Whatever is cut off anywhere: no byte after the end is looked at. */
static void
test_cut(void)
{
	static const char	 whole[] = "include(\"a\")\n/* x */ h \"${A}\\x41\\101\" "
				    "{ b += {'c\\'', d} # e\r\n} // f\n";
	struct reading		 g;
	size_t			 len;

	for (len = 0; len < sizeof(whole); len++) {
		(void)begin(&g, whole, len);
		CHECK(g.r.next <= (int)(len + 3), "cut off");
		end(&g);
	}
}

int
main(void)
{
	log_set_hook(keep);
	test_trees();
	test_mistakes();
	test_many();
	test_errors();
	test_where();
	test_cut();
	return tap_done();
}
