/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* base/pattern.h: patterns of the shell, and that they take no time. */

#include "base/compat.h"

#include <string.h>

#include "base/pattern.h"
#include "tap.h"

static const struct {
	const char	*pattern, *text;
	int		 matches;
} cases[] = {
	{ "", "", 1 }, { "", "a", 0 }, { "a", "", 0 }, { "*", "", 1 }, { "**", "", 1 }, { "?", "", 0 },
	{ "abc", "ABC", 1 }, { "ABC", "abc", 1 }, { "abc", "abcd", 0 }, { "abcd", "abc", 0 },
	{ "*@example.net", "bob@EXAMPLE.net", 1 }, { "*@example.net", "bob@example.net.x", 0 },
	{ "b*b@*", "bob@x", 1 }, { "b*b@*", "bx@x", 0 }, { "a*b*c", "aXbXXc", 1 }, { "a*b*c", "aXcXXb", 0 },
	{ "a?c", "abc", 1 }, { "a?c", "ac", 0 }, { "a?c", "a\303\244c", 1 }, { "a?c", "a\377c", 1 },
	{ "[abc]x", "Bx", 1 }, { "[!abc]x", "bx", 0 }, { "[!abc]x", "dx", 1 }, { "[a-f]", "E", 1 },
	{ "[a-f]", "g", 0 }, { "[]]", "]", 1 }, { "[", "[", 1 }, { "[ab", "[ab", 1 }, { "[a\\]b]", "]", 1 },
	{ "[a-]", "-", 1 }, { "[", "", 0 }, { "[!", "[!", 1 }, { "[^a]", "b", 1 },
	{ "\\*", "*", 1 }, { "\\*", "a", 0 }, { "a\\", "a\\", 1 }, { "*\\?", "x?", 1 },
	{ "*[0-9]", "a1b2", 1 }, { "*ab", "aab", 1 }, { "*?", "\303", 1 },
};

int
main(void)
{
	char	 pattern[201], text[4001];
	size_t	 i;

	for (i = 0; i < nitems(cases); i++)
		CHECK(pattern_matches(cases[i].pattern, cases[i].text) == cases[i].matches,
		    cases[i].pattern);
	for (i = 0; i < 200; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[199] = 'b';
	pattern[200] = '\0';
	memset(text, 'a', 4000);
	text[4000] = '\0';
	CHECK(!pattern_matches(pattern, text), "many asterisks");
	return tap_done();
}
