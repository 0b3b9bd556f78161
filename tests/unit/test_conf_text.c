/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* config/text.h */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "tap.h"
#include "base/xmalloc.h"

/* What is left of a text without mistakes. */
static const struct {
	const char	*name, *in, *out;
} blanked[] = {
	{ "nothing", "", "" },
	{ "a # comment", "a = 1 # b\nc", "a = 1    \nc" },
	{ "a // comment", "a = 1 //b\nc", "a = 1    \nc" },
	{ "a comment at the end", "a #b", "a   " },
	{ "a long comment keeps its lines", "a /* b\n\n * c */ d", "a     \n\n        d" },
	{ "/**/ is whole", "/**/a", "    a" },
	{ "/*/ is not", "/*/ */a", "      a" },
	{ "stars in it", "/***/a", "     a" },
	{ "a long comment right behind a word", "5s/*x*/", "5s     " },
	{ "comments don't nest", "/* /* */ a", "         a" },
	{ "# in double quotes", "a=\"# // /*\"", "a=\"# // /*\"" },
	{ "# in single quotes", "a='# // /*'", "a='# // /*'" },
	{ "a quote in the other quotes", "a='\"#' b=\"'#\" #x", "a='\"#' b=\"'#\"   " },
	{ "an escaped quote", "a='\\'#' b=\"\\\"#\"", "a='\\'#' b=\"\\\"#\"" },
	{ "a string of two lines", "a='b\n#c' #d", "a='b\n#c'   " },
	{ "quotes in ${}", "a=\"${B:-\"#\"}\"#c", "a=\"${B:-\"#\"}\"  " },
	{ "quotes in a comment", "# 'a\nb", "    \nb" },
	{ "braces in comments", "# {\n/* } */ b", "   \n        b" },
	{ "a URL is one word", "a = http://b", "a = http://b" },
	{ "a path with //", "a = unix:/b//c", "a = unix:/b//c" },
	{ "// after a sign", "a =//b", "a =   " },
	{ "CR before LF", "a = 1\r\nb\r\n", "a = 1 \nb \n" },
	{ "CR before LF in a string", "'a\r\nb'", "'a \nb'" },
	{ "CR before LF in a comment", "#a\r\nb", "   \nb" },
	{ "an escape", "\"\\1\\377\\x41\\n\\\\\"", "\"\\1\\377\\x41\\n\\\\\"" },
	{ "a list", "a += {b, [::1]:5}", "a += {b, [::1]:5}" },
};

/* The first mistake, and its line. */
static const struct {
	const char	*name, *in;
	size_t		 len;	/* 0: strlen */
	int		 line;
	const char	*what;
} mistakes[] = {
	{ "an unclosed comment", "a\n/* b\nc", 0, 2, "this comment is never closed" },
	{ "an almost closed comment", "/*/", 0, 1, "this comment is never closed" },
	{ "an unclosed double quote", "\na = \"b\nc\n", 0, 2, "this string is never closed" },
	{ "an unclosed single quote", "a\n\n'", 0, 3, "this string is never closed" },
	{ "an escaped quote at the end", "'a\\'", 0, 1, "this string is never closed" },
	{ "a backslash at the end", "'a\\", 0, 1, "this string is never closed" },
	{ "an unclosed brace", "#\nlisten {\n a=b\n", 0, 2, "this { is never closed" },
	{ "the outer of two", "a {\nb = {c}\n", 0, 1, "this { is never closed" },
	{ "a stray }", "a {\n}\n}", 0, 3, "} without a {" },
	{ "a line after comments", "/*\n\n*/ // x\n# y\n;", 0, 5, "; outside of quotes" },
	{ "a line after strings", "a='\n\n'\nb=\"\n\"\n%", 0, 6, "% outside of quotes" },
	{ "a NUL", "a\nb\0c", 5, 2, "a NUL byte" },
	{ "a star that would vanish", "a = *", 0, 1, "* outside of quotes" },
	{ "a plus without =", "a + b", 0, 1, "+ outside of quotes" },
	{ "a variable without quotes", "a = ${HOME}", 0, 1, "$ outside of quotes" },
	{ "UTF-8 without quotes", "a = \303\244", 0, 1, "a byte 0xC3 outside of quotes" },
	{ "a lone CR", "a\rb", 0, 1, "a byte 0x0D outside of quotes" },
	{ "a byte order mark", "\357\273\277a = b", 0, 1, "a byte order mark" },
	{ "which is none elsewhere", "\n\357\273\277a = b", 0, 2, "a byte 0xEF" },
	{ "curly quotes", "a =\n\342\200\234b\342\200\235", 0, 2,
	    "a curly quote; expected \"" },
	{ "a curly apostrophe", "a = \342\200\231", 0, 1, "a curly quote; expected '" },
	{ "a dash", "a = \342\200\223", 0, 1, "a byte 0xE2" },
	{ "a curly quote cut off", "a = \342\200", 0, 1, "a byte 0xE2" },
	{ "${ that never ends", "a = \"${B\n}\"", 0, 1, "${ in double quotes without a }" },
	{ "an octal too large", "\"\\400\"", 0, 1, "a backslash and digits" },
	{ "four octal digits", "\"\\1234\"", 0, 1, "a backslash and digits" },
	{ "no octal digit", "\"\n\\8\"", 0, 2, "a backslash and digits" },
	{ "an octal and more", "\"\\18\"", 0, 1, "a backslash and digits" },
	{ "a NUL in octal", "\"\\0\"", 0, 1, "a string can't hold a NUL" },
	{ "a NUL in hex", "\"\\x00\"", 0, 1, "a string can't hold a NUL" },
	{ "a short NUL in hex", "\"\\x0\"", 0, 1, "a string can't hold a NUL" },
	{ "include without quotes", "\ninclude(a)", 0, 2, "expected include(\"PATH\")" },
	{ "include over two lines", "include(\"a\n\")", 0, 1, "expected include(\"PATH\")" },
	{ "include of nothing", "include('')", 0, 1, "expected include(\"PATH\")" },
	{ "include unclosed", "include('a'", 0, 1, "expected include(\"PATH\")" },
	{ "too deep", "{{{{{{{{{{{{{{{{{{", 0, 1, "braces nested too deeply" },
};

static void
test_blanked(void)
{
	struct conf_text	 ct;
	size_t			 i;
	char			*text;

	for (i = 0; i < nitems(blanked); i++) {
		text = xstrdup(blanked[i].in);
		conf_text_scan(text, strlen(text), &ct);
		CHECK(ct.nerrors == 0, blanked[i].name);
		CHECK_STR(text, blanked[i].out, blanked[i].name);
		conf_text_free(&ct);
		/* A second look finds nothing more. */
		conf_text_scan(text, strlen(text), &ct);
		CHECK_STR(text, blanked[i].out, blanked[i].name);
		conf_text_free(&ct);
		free(text);
	}
}

static void
test_mistakes(void)
{
	struct conf_text	 ct;
	size_t			 i, len;
	char			*text;

	for (i = 0; i < nitems(mistakes); i++) {
		len = mistakes[i].len == 0 ? strlen(mistakes[i].in) : mistakes[i].len;
		text = xmemdup0(mistakes[i].in, len);
		conf_text_scan(text, len, &ct);
		CHECK(ct.nerrors > 0, mistakes[i].name);
		if (ct.nerrors > 0) {
			CHECK(ct.errors[0].line == mistakes[i].line, mistakes[i].name);
			ct.errors[0].what[strlen(mistakes[i].what)] = '\0';
			CHECK_STR(ct.errors[0].what, mistakes[i].what, mistakes[i].name);
		}
		conf_text_free(&ct);
		free(text);
	}
}

static void
test_many(void)
{
	struct conf_text	 ct;
	char			 text[200];

	(void)snprintf(text, sizeof(text), "; a\n; b\n'");
	conf_text_scan(text, strlen(text), &ct);
	CHECK(ct.nerrors == 3, "every mistake is told");
	CHECK(ct.nerrors == 3 && ct.errors[1].line == 2 && ct.errors[2].line == 3,
	    "each with its line");
	conf_text_free(&ct);
	memset(text, ' ', sizeof(text));
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		text[i] = ';';
	text[sizeof(text) - 1] = '\0';
	conf_text_scan(text, sizeof(text) - 1, &ct);
	CHECK(ct.nerrors == CONF_TEXT_ERRORS, "but not without end");
	conf_text_free(&ct);
}

static void
test_include(void)
{
	struct conf_text	 ct;
	char			 text[] = "a = include\ninclude(\"b/*.c\") x\n"
			    "h y { include ( 'd' ) }\nz = {include}\n#include(\"e\")\n";

	conf_text_scan(text, strlen(text), &ct);
	CHECK(ct.nerrors == 0, "include is well-formed");
	CHECK(ct.nincludes == 2, "two of them");
	if (ct.nincludes == 2) {
		CHECK_MEM(text + ct.includes[0].path, ct.includes[0].path_len, "b/*.c", 5,
		    "the path of the first");
		CHECK_MEM(text + ct.includes[0].start,
		    ct.includes[0].end - ct.includes[0].start, "include(\"b/*.c\")", 16,
		    "where it stands");
		CHECK_MEM(text + ct.includes[1].path, ct.includes[1].path_len, "d", 1,
		    "the path of the second");
		CHECK(ct.includes[0].line == 2 && ct.includes[1].line == 3, "their lines");
	}
	CHECK(ct.nsections == 1 && ct.sections[0] == 3, "the section, but no list");
	CHECK(ct.lines == 5, "the lines");
	conf_text_free(&ct);
}

static void
test_sections(void)
{
	struct conf_text	 ct;
	char			 text[] = "/*\n*/listen 'a\n' { b = {c} }\nx={}\nh y\n{\nz = {}\n}";

	conf_text_scan(text, strlen(text), &ct);
	CHECK(ct.nerrors == 0 && ct.nsections == 2, "two sections");
	CHECK(ct.nsections == 2 && ct.sections[0] == 3 && ct.sections[1] == 6,
	    "the lines of their braces");
	conf_text_free(&ct);
}

/* The first token that doesn't fit, and the statement that it may belong to. */
static const struct {
	const char	*in;
	int		 line;
	const char	*word, *name;
} odds[] = {
	{ "a = b c d { e = {f, g,} } h += 'i' j {}", 0, "", "" },
	{ "", 0, "", "" },
	{ "a = = b", 1, "", "a" },
	{ "a = b\n, c", 2, "", "" },
	{ "a = b, c", 1, "", "a" },
	{ "a = {\nb\nc}", 3, "", "a" },
	{ "a {} b = {{}}", 1, "", "b" },
	{ "a { b = c\n\n}\n= d", 4, "", "" },
	{ "a = b c d e\nf = {", 1, "c", "a" },
	{ "a = b c\n\nd = e", 1, "c", "a" },
	{ "a = b\nc\n}", 2, "c", "" },
	{ "a { b = c } d = e } f\n= = =", 2, "", "f" },
	{ "a = 'b' \"c\" }", 1, "\"c\"", "a" },
	{ "a b c", 1, "a", "" },
};

static void
test_odd(void)
{
	const struct conf_text_odd	*o;
	struct conf_text		 ct;
	size_t				 i;
	char				*text;

	for (i = 0; i < nitems(odds); i++) {
		text = xstrdup(odds[i].in);
		conf_text_scan(text, strlen(text), &ct);
		o = &ct.odd;
		CHECK(o->line == odds[i].line, odds[i].in);
		CHECK_MEM(text + o->word, o->word_len, odds[i].word, strlen(odds[i].word),
		    odds[i].in);
		CHECK_MEM(text + o->name, o->name_len, odds[i].name, strlen(odds[i].name),
		    odds[i].in);
		conf_text_free(&ct);
		free(text);
	}
}

/* Whatever is cut off anywhere: no byte behind the end is looked at. */
static void
test_cut(void)
{
	static const char	 whole[] = "include(\"a\")\n/* x */ h \"${A}\\x41\\101\" "
				    "{ b += {'c\\'', d} # e\r\n} // f\n";
	struct conf_text	 ct;
	size_t			 len;
	char			*text;

	for (len = 0; len < sizeof(whole); len++) {
		text = xmemdup0(whole, len);
		conf_text_scan(text, len, &ct);
		conf_text_free(&ct);
		CHECK(strlen(text) <= len, "cut off");
		free(text);
	}
}

int
main(void)
{
	test_blanked();
	test_mistakes();
	test_many();
	test_include();
	test_sections();
	test_odd();
	test_cut();
	return tap_done();
}
