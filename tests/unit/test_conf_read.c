/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * config/read.h, config/names.c, and the places of config/errors.h; messages are in
 * conf.bats, too.
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/slurp.h"
#include "base/xmalloc.h"
#include "config/build.h"
#include "tap.h"

static char	 logged[256];	/* the first mistake */
static int	 nlogged;
static char	*first;		/* the text of the first file */
static size_t	 first_len;

struct reading {
	struct conf_source	 src;
	struct conf_node	 tree;
	struct conf_errors	 errors;
	int			 rc;
};

static void
keep(int severity __unused, const char *line)
{
	if (nlogged++ == 0)
		(void)snprintf(logged, sizeof(logged), "%s", line);
}

/* Instead of the one in base/: the text of an included file is its path. */
char *
slurp(const char *path, size_t max __unused, struct stat *st, size_t *len, const char **why)
{
	memset(st, 0, sizeof(*st));
	*why = "";
	if (strcmp(path, "f") == 0) {
		*len = first_len;
		return xmemdup0(first, first_len);
	}
	st->st_ino = 1;
	*len = strlen(path) - 2;
	return xstrdup(path + 2);	/* after "./" */
}

static void
begin(struct reading *g, const char *text, size_t len)
{
	struct build	 b = { .tree = &g->tree, .src = &g->src, .errors = &g->errors };

	memset(g, 0, sizeof(*g));
	nlogged = 0;
	logged[0] = '\0';
	first = xmemdup0(text, len);
	first_len = len;
	g->rc = conf_read(&g->src, &g->tree, &g->errors, "f", NULL);
	if (g->rc != -2)
		conf_check_names(&b, &g->tree);	/* adds the values after += to those before */
	conf_errors_log(&g->errors, &g->src);
}

static void
end(struct reading *g)
{
	conf_errors_clear(&g->errors);
	conf_tree_free(&g->tree);
	conf_source_free(&g->src);
	free(first);
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
print_node(struct buf *out, const struct conf_source *src, const struct conf_node *n)
{
	static const char *const	 before[] = { "", "listen ", "handler ", "", "[" };
	static const char *const	 after[] = { "", "{", "{", "=", "]" };
	size_t				 i;

	if (n->kind == CONF_OPTION && !n->whole)
		return;		/* its values were added to another */
	if (n->kind != SEC_GLOBAL) {
		buf_printf(out, "%s%s%s", before[n->kind], n->text, after[n->kind]);
		print_at(out, src, n->at);
	}
	for (i = 0; i < n->nparts; i++)
		print_node(out, src, &n->parts[i]);
	if (n->kind == SEC_LISTEN || n->kind == SEC_HANDLER)
		buf_add_str(out, "}");
}

static char *
print_tree(const struct reading *g)
{
	struct buf	 out;

	buf_init(&out, SIZE_MAX);
	buf_add_str(&out, "");
	print_node(&out, &g->src, &g->tree);
	return buf_steal(&out, NULL);
}

/* What a text without mistakes means. */
static const struct {
	const char	*in, *out;
} trees[] = {
	{ "", "" },
	{ "a = 1", "a=f:1:1 [1]f:1:5 " },
	{ "a=1b b=2", "a=f:1:1 [1b]f:1:3 b=f:1:6 [2]f:1:8 " },
	{ "a=1b = 2", NULL },
	{ "a = b c += {d,\ne,}", "a=f:1:1 [b]f:1:5 c=f:1:7 [d]f:1:13 [e]f:2:1 " },
	{ "a = {} b={ }", "a=f:1:1 b=f:1:8 " },
	{ "pin = {1} pin += 2 handler h { cpu += {} pin = 4 cpu += {5,6} cpu += {} }",
	    "pin=f:1:1 [1]f:1:8 [2]f:1:18 handler h{f:1:30 cpu=f:1:32 [5]f:1:58 [6]f:1:60 "
	    "pin=f:1:42 [4]f:1:48 }" },
	{ "# b\na = 1 # c\n// d\nb = 2 // e", "a=f:2:1 [1]f:2:5 b=f:4:1 [2]f:4:5 " },
	{ "/**/a/***/=/*/ */1/* /*\n */b = 2/*", NULL },
	{ "/**/a/***/=/*/ */1/* /*\n */b = 2", "a=f:1:5 [1]f:1:18 b=f:2:4 [2]f:2:8 " },
	{ "a = 5s/*x*/ b = http://x//y c =//\nz", "a=f:1:1 [5s]f:1:5 b=f:1:13 "
	    "[http://x//y]f:1:17 c=f:1:29 [z]f:2:1 " },
	{ "a = unix:/b//c b = [::1]:5@x_-.", "a=f:1:1 [unix:/b//c]f:1:5 "
	    "b=f:1:16 [[::1]:5@x_-.]f:1:20 " },
	{ "a = '# // /*\"' b=\"#'\"", "a=f:1:1 [# // /*\"]f:1:5 b=f:1:16 [#']f:1:18 " },
	{ "a = 'x\\'y\\\\z\\w\\\nv' b = 1", "a=f:1:1 [x'y\\z\\wv]f:1:5 b=f:2:4 [1]f:2:8 " },
	{ "a = \"x\\\"y\\\\z\\w\\\nv\"", "a=f:1:1 [x\"y\\zwv]f:1:5 " },
	{ "a = \"\\a\\b\\e\\f\\n\\r\\t\\v\"", "a=f:1:1 [\a\b\033\f\n\r\t\v]f:1:5 " },
	{ "a = \"\\1\\12\\1019\\x41\\x4g\\xg\"", NULL },
	{ "a = \"\\1\\12\\101x\\x41\\x4g\\xg\\377\"",
	    "a=f:1:1 [\1\n" "AxA\4gxg\377]f:1:5 " },
	{ "a = '\\101$\\n${X}'", "a=f:1:1 [\\101$\\n${X}]f:1:5 " },
	{ "a = \"${SET}-${SET:-x}-${UNSET}-${UNSET:-\"'}-${A:B:-c}$\"",
	    "a=f:1:1 [yes-yes--\"'-c$]f:1:5 " },
	{ "a = \"${EMPTY:-x}\\${SET}\"", "a=f:1:1 [${SET}]f:1:5 " },
	{ "a = 1\r\nb = 'x\r\ny'\r\n#c\r\n", "a=f:1:1 [1]f:1:5 b=f:2:1 [x \ny]f:2:5 " },
	{ "a = 'x\ny' b = z", "a=f:1:1 [x\ny]f:1:5 b=f:2:4 [z]f:2:8 " },
	{ "'a' = include \"b\"={include}", "a=f:1:1 [include]f:1:7 b=f:1:15 [include]f:1:20 " },
	{ "listen t { l = 1 } handler 'u v'\n{h={2}} a=3 listen w { }",
	    "listen t{f:1:10 l=f:1:12 [1]f:1:16 }handler u v{f:2:1 h=f:2:2 [2]f:2:5 }"
	    "a=f:2:9 [3]f:2:11 listen w{f:2:22 }" },
	{ "a = 1 include('b = 2') c = 3",
	    "a=f:1:1 [1]f:1:5 b=./b = 2:1:1 [2]./b = 2:1:5 c=f:1:24 [3]f:1:28 " },
	{ "include ( \"a = 1\" )\n b = 2", "a=./a = 1:1:1 [1]./a = 1:1:5 b=f:2:2 [2]f:2:6 " },
	{ "listen t { include('\"a\" += b') }", "listen t{f:1:10 a=./\"a\" += b:1:1 "
	    "[b]./\"a\" += b:1:8 }" },
	{ "a include('= 1')", NULL },
	{ "listen include('t') { }", NULL },
	{ "a = include('t')", NULL },
};

static void
test_trees(void)
{
	struct reading	 g;
	size_t		 i;
	char		*text;

	(void)setenv("SET", "yes", 1);
	(void)setenv("EMPTY", "", 1);
	(void)unsetenv("UNSET");
	for (i = 0; i < nitems(trees); i++) {
		begin(&g, trees[i].in, strlen(trees[i].in));
		text = print_tree(&g);
		CHECK((g.rc == 0) == (trees[i].out != NULL), trees[i].in);
		if (trees[i].out != NULL) {
			CHECK_STR(text == NULL ? "" : text, trees[i].out, trees[i].in);
		}
		free(text);
		end(&g);
	}
}

/* What is no text of this language: the first mistake, and its line. */
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
	{ "/*\n\n*/ // x\n# y\n;", 0, 5, "; outside of quotes" },
	{ "a='\n\n'\nb=\"\n\"\n%", 0, 6, "% outside of quotes" },
	{ "a\nb\0c", 5, 2, "a NUL byte" },
	{ "a = *", 0, 1, "* outside of quotes" },
	{ "!", 0, 1, "! outside of quotes" },
	{ "a + b", 0, 1, "+ outside of quotes" },
	{ "a = ${HOME}", 0, 1, "$ outside of quotes" },
	{ "a = \303\244", 0, 1, "a byte 0xC3 outside of quotes" },
	{ "a\rb", 0, 1, "a byte 0x0D outside of quotes" },
	{ "\357\273\277a = b", 0, 1, "a byte order mark" },
	{ "\n\357\273\277a = b", 0, 2, "a byte order mark" },
	{ "\n\357\273", 0, 2, "a byte 0xEF" },
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
	{ "pin = yes\n\n= 5\n\n'\n", 0, 3, "pin: unexpected token '='" },
};

static void
test_mistakes(void)
{
	struct reading	 g;
	size_t		 i;
	char		 expected[200];

	for (i = 0; i < nitems(mistakes); i++) {
		begin(&g, mistakes[i].in, mistakes[i].len == 0 ? strlen(mistakes[i].in) :
		    mistakes[i].len);
		CHECK(g.rc == -2 && nlogged > 0, mistakes[i].in);
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

	begin(&g, "; a\n; b\n'", 9);
	CHECK(g.rc == -2 && nlogged == 3, "every mistake is told");
	end(&g);
	begin(&g, "a = \"\\0 \\0\" ; ; ;\n", 18);
	CHECK(g.rc == -2 && nlogged == 2, "one of a string, one of what follows in a line");
	end(&g);
	memset(text, '\n', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i += 2)
		text[i] = ';';
	begin(&g, text, sizeof(text));
	CHECK(nlogged == 32, "but not without end");
	end(&g);
	for (size_t i = 0; i < sizeof(text); i += 4)
		memcpy(text + i, "z=1 ", 4);
	begin(&g, text, sizeof(text));
	CHECK(nlogged == 32 && g.rc == 0, "nor are unknown names");
	end(&g);
}

/* The first mistake of grammar or names, and its line and column. */
static const struct {
	const char	*in;
	int		 line, column;
	const char	*what;
} errors[] = {
	{ "pin = = b", 1, 7, "pin: unexpected token '='" },
	{ "pin += += b", 1, 8, "pin: unexpected token '+='" },
	{ "pin = b\n, c", 2, 1, "pin: unexpected token ','" },
	{ "pin = b, c", 1, 8, "pin: unexpected token ','" },
	{ "pin = {\nb\n'c'}", 3, 1, "pin: unexpected token 'c'" },
	{ "pin = {{}}", 1, 8, "pin: unexpected token '{'" },
	{ "handler a { cpu = c\n\n}\n= d", 4, 1, "unexpected token '='" },
	{ "pin = {", 1, 7, "this { is never closed; expected }" },
	{ "pin = {a", 1, 7, "this { is never closed; expected }" },
	{ "pin = {a,", 1, 7, "this { is never closed; expected }" },
	{ "#\nlisten t {\n mode=b\n", 2, 10, "this { is never closed; expected }" },
	{ "handler a {\ncpu = b\nhandler b { }", 1, 11, "this { is never closed; expected }" },
	{ "listen a { }\n}", 2, 1, "} without a {" },
	{ "handler a { include('}')", 1, 1, "} without a {" },
	{ "handler a include('{') }", 1, 11, "missing opening brace for section 'handler'" },
	{ "include('handler a {') }", 1, 11, "this { is never closed; expected }" },
	{ "pin = b x d e\nf = 1", 1, 9, "x: unknown; expected an option of `pipemilter.conf'; if "
	    "it belongs to the value of pin: a value" },
	{ "pin = b engines d\nf = 1", 1, 9, "missing equal sign after option 'engines'" },
	{ "pin = b\n x d e", 2, 2, "x: unknown; expected an option, `listen' or `handler'" },
	{ "handler a { cpu = b handler", 1, 21, "handler: unknown; expected an option of "
	    "`handler'; if it belongs to the value of cpu: a value" },
	{ "x = {}", 1, 1, "x: unknown; expected an option, `listen' or `handler'" },
	{ "x = {y,\n z} pin = 1", 1, 1, "x: unknown; expected an option, `listen' or `handler'" },
	{ "cpu = 1", 1, 1, "cpu: unknown here; it is an option of a `handler' section" },
	{ "handler x { pin = 1 }", 1, 13, "pin: unknown here; it is a global option" },
	{ "pin = 1 pin = 2", 1, 9, "pin: given twice; expected once" },
	{ "pin = {} pin = 2", 1, 10, "pin: given twice; expected once" },
	{ "pin += 1\npin = {}", 2, 1, "pin: given twice; expected once" },
	{ "listen t { }\nlisten 't'\n{ }", 3, 1, "found duplicate title 't'" },
	{ "listen { }", 1, 8, "missing title for section 'listen'" },
	{ "listen t = 1", 1, 10, "missing opening brace for section 'listen'" },
	{ "pin 1", 1, 1, "missing equal sign after option 'pin'" },
	{ "\n'' = 5", 2, 1, "a syntax error" },
	{ "pin =\n", 2, 1, "premature end of file" },
	{ "x", 1, 1, "x: unknown; expected an option, `listen' or `handler'" },
	{ "listen t", 1, 9, "missing opening brace for section 'listen'" },
	{ "include", 1, 1, "expected include(\"PATH\")" },
	{ "\ninclude(a)", 2, 1, "expected include(\"PATH\")" },
	{ "include('')", 1, 1, "expected include(\"PATH\")" },
	{ "include('a=b'", 1, 1, "expected include(\"PATH\")" },
};

static void
test_errors(void)
{
	struct conf_where	 w;
	struct reading		 g;
	size_t			 i;

	for (i = 0; i < nitems(errors); i++) {
		begin(&g, errors[i].in, strlen(errors[i].in));
		CHECK(g.rc != -2 && g.errors.n > 0, errors[i].in);
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
	static const char	 text[] = "pin = 1\r\nrecord = {x,\n\t y} include('c = 1') zz = 2\n"
				    "yy = 3";
	struct conf_where	 w;
	struct reading		 g;

	begin(&g, text, sizeof(text) - 1);
	CHECK(g.errors.n == 3, "three names are unknown");
	if (g.errors.n == 3) {
		conf_where(&g.src, g.errors.list[0].at, &w);
		CHECK_MEM(w.text, w.len, "c = 1", 5, "the first is in the included text");
		conf_where(&g.src, g.errors.list[1].at, &w);
		CHECK_MEM(w.text, w.len, "\t y} include('c = 1') zz = 2", 28, "the line as a whole");
		CHECK(w.line == 3 && w.column == 23, "the place in it");
		conf_where(&g.src, g.errors.list[2].at, &w);
		CHECK_MEM(w.text, w.len, "yy = 3", 6, "the last line");
		conf_where(&g.src, 1, &w);
		CHECK_MEM(w.text, w.len, "pin = 1 ", 8, "the first, without its end");
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
		begin(&g, whole, len);
		CHECK(g.src.marks[g.src.nmarks - 1].offset <= len, "cut off");
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
