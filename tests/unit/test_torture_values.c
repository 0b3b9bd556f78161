/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests torture/values.h: hostile values are legal, and torture_mangled() tells
 * what became of them.
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "torture/values.h"
#include "tap.h"
#include "base/xmalloc.h"

static struct torture_value	*values;
static size_t			 nvalues;

static const struct torture_value *
about(const char *what)
{
	size_t	 i;

	for (i = 0; i < nvalues; i++)
		if (strcmp(values[i].about, what) == 0)
			return &values[i];
	abort();
}

/* What torture_mangled() says of a text: NULL, or the cause. */
static const char *
said(const char *what, const char *text)
{
	const char	*got;
	size_t		 len;

	return torture_mangled(about(what), text, &got, &len);
}

static int
says(const char *what, const char *text, const char *cause)
{
	const char	*why = said(what, text);

	return why != NULL && strstr(why, cause) != NULL;
}

/* 1 if a blank follows each line feed and there is no CR. */
static int
is_legal(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\r' || (*text == '\n' && text[1] != ' ' && text[1] != '\t'))
			return 0;
	return 1;
}

static void
test_legal(void)
{
	int	 legal = 1, same = 1, own = 1;
	char	*with;
	size_t	 i, j;

	for (i = 0; i < nvalues; i++) {
		legal &= is_legal(values[i].text) && strchr(values[i].quoted, '\n') == NULL;
		if (asprintf(&with, "<%s@a.example>", values[i].quoted) == -1)
			abort();
		for (j = 0; j < nvalues; j++) {
			same &= said(values[j].about, values[i].text) == NULL;
			own &= said(values[j].about, with) == NULL;
		}
		free(with);
	}
	CHECK(legal, "every value is legal in a header, and quoted in an address");
	CHECK(same, "a value that comes back as it was is right");
	CHECK(own, "and so it is in an address");
}

static void
test_mangled(void)
{
	const char	*backslashes = about("backslashes")->text;
	char		*text = xstrdup(backslashes);
	const char	*why;
	struct buf	 b;

	(void)escape_undo(text, strlen(text), &why);
	CHECK(says("backslashes", text, "undone twice"), "escapes that were undone twice");
	free(text);
	buf_init(&b, 1000);
	escape(&b, backslashes, strlen(backslashes));
	buf_add_u8(&b, 0);
	CHECK(says("backslashes", (char *)b.data, "escaped again"), "or added twice");
	buf_free(&b);
	CHECK(says("backslashes", "tk02ab t  x41 0101 kt02", "without -r"), "or dropped");
	CHECK(says("percent signs", "log tk03100 0% kt03", "format"), "formats");
	CHECK(says("runs of blanks", "tk04a b ckt04", "without quotes"), "words split");
	CHECK(says("bytes that are no UTF-8", "tk09?? ? ?kt09", "above 127"), "bytes decoded");
	CHECK(says("blanks at either end", "tk05 kt05", "at its ends"), "blanks lost");
	CHECK(said("blanks at either end", "subject:   tk05 kt05 \t") == NULL, "blanks kept");
}

static void
test_meant(void)
{
	CHECK(said("runs of blanks", "tk04other thingskt04") == NULL, "another text is no mistake");
	CHECK(said("a folded value", "tk11one reject 550 5.7.1 mailspoke twokt11") == NULL,
	    "nor is a header on one line");
	CHECK(said("backslashes", "tk02a\\b") == NULL, "nor one that was cut");
	CHECK(said("backslashes", "") == NULL, "nor nothing at all");
}

int
main(void)
{
	size_t	 i;

	nvalues = torture_values_count();
	values = xcalloc(nvalues, sizeof(*values));
	for (i = 0; i < nvalues; i++)
		torture_value_make(&values[i], (unsigned int)i, "/tmp/canaries");
	CHECK(strstr(about("backquotes")->text, "`touch /tmp/canaries/ran-14`") != NULL,
	    "a command says which value it stood in");
	test_legal();
	test_mangled();
	test_meant();
	for (i = 0; i < nvalues; i++)
		torture_value_free(&values[i]);
	free(values);
	return tap_done();
}
