/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * reply/argument.c: the arguments of a handler's action lines.
 */
#include "base/compat.h"

#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "milter/proto.h"
#include "reply/argument.h"
#include "base/xmalloc.h"

#define DIGITS		"0123456789"
#define LETTERS		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define CONTEXT_NAME	64	/* bytes of a name at most */
#define UNPAIRED	"expected an address: a quote or bracket is not in pairs"

char *
reply_arg_word(char **rest)
{
	char	*word = *rest, *space;

	if (word == NULL)
		return NULL;
	if ((space = strchr(word, ' ')) != NULL)
		*space++ = '\0';
	*rest = space;
	return word;
}

const char *
reply_arg_text(char *rest, char **text)
{
	const char	*why;

	if (escape_undo(rest, strlen(rest), &why) == (size_t)-1)
		return why;
	*text = xstrdup(rest);
	return NULL;
}

static const char *
number(const char *word, uint64_t max, uint64_t *n)
{
	const char	*p = word;
	uint64_t	 digit;
	int		 large = 0;

	if (word == NULL || *word == '\0')
		return "expected a number of decimal digits";
	for (*n = 0; *p >= '0' && *p <= '9'; p++) {
		digit = (uint64_t)(*p - '0');
		if (digit > max || *n > (max - digit) / 10)
			large = 1;
		else
			*n = *n * 10 + digit;
	}
	if (*p != '\0')
		return "expected a number of decimal digits";
	return large ? "number too large" : NULL;
}

const char *
reply_arg_index(const char *word, uint32_t *index)
{
	const char	*why;
	uint64_t	 n = 0;

	why = number(word, REPLY_ARG_MAX_INDEX, &n);
	*index = (uint32_t)n;
	return why;
}

const char *
reply_arg_length(const char *word, size_t max, size_t *length)
{
	const char	*why;
	uint64_t	 n = 0;

	why = number(word, max, &n);
	*length = (size_t)n;
	return why;
}

/* ftext of RFC 5322, section 3.6.8: printable ASCII but the colon. */
static int
is_header_name(const char *s)
{
	const char	*p;

	for (p = s; *p != '\0'; p++)
		if (*p < 33 || *p > 126 || *p == ':')
			return 0;
	return p > s;
}

const char *
reply_arg_header_name(char *word, char **name)
{
	const char	*why;

	if (word == NULL)
		return "expected the name of a header";
	if (escape_undo(word, strlen(word), &why) == (size_t)-1)
		return why;
	if (!is_header_name(word))
		return "expected the name of a header: printable ASCII, no colon";
	*name = xstrdup(word);
	return NULL;
}

/* Turns CRLF into LF in place. Returns 0 if a line end could begin another header. */
static int
unify_folds(char *value)
{
	char	*from, *to = value;

	for (from = value; *from != '\0'; from++) {
		if (*from == '\r' && *++from != '\n')
			return 0;
		if (*from == '\n' && from[1] != ' ' && from[1] != '\t')
			return 0;
		*to++ = *from;
	}
	*to = '\0';
	return 1;
}

const char *
reply_arg_header_value(char *rest, char **value)
{
	const char	*why;

	if (rest == NULL)
		return "expected the value of a header";
	if (escape_undo(rest, strlen(rest), &why) == (size_t)-1)
		return why;
	if (!unify_folds(rest))
		return "expected a blank after each line break of a header value";
	*value = xstrdup(rest);
	return NULL;
}

const char *
reply_arg_context_name(char *word, char **name)
{
	const char	*why;

	if (word == NULL)
		return "expected a name";
	if (escape_undo(word, strlen(word), &why) == (size_t)-1)
		return why;
	if (strspn(word, LETTERS) == 0 || strlen(word) > CONTEXT_NAME ||
	    word[strspn(word, LETTERS DIGITS "_-")] != '\0')
		return "expected a name: a letter and up to 63 letters, digits, _ and -";
	*name = xstrdup(word);
	return NULL;
}

const char *
reply_arg_reason(char *rest, char **reason)
{
	const char	*why;
	char		*p;

	if (rest == NULL)
		return "expected a reason";
	if (escape_undo(rest, strlen(rest), &why) == (size_t)-1)
		return why;
	for (p = rest; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	if (rest[strspn(rest, " \t")] == '\0')
		return "expected a reason";
	if (strlen(rest) >= MILTER_MAX_DATA)
		return "reason too long";
	*reason = xstrdup(rest);
	return NULL;
}

static int
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((*s >= 1 && *s <= 31) || *s == 127)
			return 1;
	return 0;
}

/*
 * Returns the end of the address at the front of s: a blank outside quotes.
 * NULL if a quote stays open, or if an angle bracket is inside: MTAs differ in
 * what they take for the address then.
 */
static char *
address_end(char *s)
{
	char	*p = s;
	int	 quoted = 0;

	for (; *p != '\0' && (quoted || (*p != ' ' && *p != '\t')); p++) {
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && ((*p == '<' && p != s) ||
		    (*p == '>' && p[1] != '\0' && p[1] != ' ' && p[1] != '\t')))
			return NULL;
	}
	return quoted ? NULL : p;
}

/* 1 if the len bytes at s have both brackets, 0 if none, -1 if only one. */
static int
has_brackets(const char *s, size_t len)
{
	int	 open = len > 0 && s[0] == '<';
	int	 close = len > 0 && s[len - 1] == '>';

	return open == close ? open : -1;
}

static const char *
address_problem(const char *address, const char *args, int null_ok)
{
	size_t	 len = strlen(address);
	int	 brackets = has_brackets(address, len);

	if (brackets < 0)
		return UNPAIRED;
	if (len == 0 || (brackets && len == 2 && !null_ok))
		return "expected an address";
	if (has_control(address) || has_control(args))
		return "expected an address and arguments without control bytes";
	/* With brackets and two NULs the address must fit a packet. */
	if (len + strlen(args) + 4 > MILTER_MAX_DATA)
		return "address too long";
	return NULL;
}

const char *
reply_arg_address(char *rest, int null_ok, char **address, char **args)
{
	const char	*why;
	struct buf	 out;
	char		*end, *more;

	if (rest == NULL)
		return "expected an address";
	if (escape_undo(rest, strlen(rest), &why) == (size_t)-1)
		return why;
	if ((end = address_end(rest)) == NULL)
		return UNPAIRED;
	more = end + strspn(end, " \t");
	*end = '\0';
	if ((why = address_problem(rest, more, null_ok)) != NULL)
		return why;
	buf_init(&out, MILTER_MAX_DATA);
	buf_printf(&out, rest[0] == '<' ? "%s" : "<%s>", rest);
	*address = buf_steal(&out, NULL);
	*args = *more == '\0' ? NULL : xstrdup(more);
	return NULL;
}
