/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * base/pattern.c: patterns as those of a shell.
 */
#include "base/pattern.h"

#include <stddef.h>

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* The length of a character: its first byte and those that continue it. */
static size_t
character(const char *s)
{
	size_t	 n = 1;

	if (((unsigned char)s[0] & 0xc0) == 0xc0)
		while (((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	return n;
}

/*
 * Whether the set at p, which is after its bracket, has a byte. Returns the end of the set,
 * after the other bracket, or NULL: there is none, so this is no set.
 */
static const char *
look_in_set(const char *p, char c, int *found)
{
	int	 negated = *p == '!' || *p == '^';
	char	 last;

	*found = 0;
	p += negated;
	/* The first one may be a bracket. */
	do {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (*p == '\0')
			return NULL;
		last = *p;
		if (p[1] == '-' && p[2] != ']' && p[2] != '\0') {
			last = p[2];
			*found |= lower(c) >= lower(*p) && lower(c) <= lower(last);
			p += 2;
		} else
			*found |= lower(c) == lower(*p);
		p++;
	} while (*p != ']');
	*found ^= negated;
	return p + 1;
}

/* Matches what stands at *pattern, no asterisk, with *text, and moves both on. Returns 0 if it does not. */
static int
match_one(const char **pattern, const char **text)
{
	const char	*p = *pattern, *end;
	int		 found;

	if (*p == '?') {
		*text += character(*text);
		*pattern = p + 1;
		return 1;
	}
	if (*p == '[' && (end = look_in_set(p + 1, **text, &found)) != NULL) {
		++*text;
		*pattern = end;
		return found;
	}
	if (*p == '\\' && p[1] != '\0')
		p++;
	*pattern = p + 1;
	return lower(*p) == lower(*(*text)++);
}

int
pattern_matches(const char *pattern, const char *text)
{
	const char	*after_star = NULL, *from = NULL;

	/* What follows the last asterisk is tried at each place; one before it need not move. */
	while (*text != '\0') {
		if (*pattern == '*') {
			after_star = ++pattern;
			from = text;
			continue;
		}
		if (*pattern != '\0' && match_one(&pattern, &text))
			continue;
		if (after_star == NULL)
			return 0;
		pattern = after_star;
		text = ++from;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
