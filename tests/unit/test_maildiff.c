/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/diff.h"
#include "mta_model.h"
#include "tap.h"
#include "base/xmalloc.h"

static struct mailfile	 old, new;

static void
parse_both(const char *from, const char *to)
{
	const char	*why;

	if (mailfile_parse(&old, from, strlen(from), &why) == -1 ||
	    mailfile_parse(&new, to, strlen(to), &why) == -1)
		CHECK(0, "two messages");
}

static void
free_both(void)
{
	mailfile_free(&old);
	mailfile_free(&new);
}

/*
 * The actions in short: "+top Name:value" "+end Name:value" "-Name 2" "Name
 * 1:value" "body BYTES", with ";" after each.
 */
static char *
words(const struct action_list *list)
{
	const struct action	*a;
	struct buf		 b;

	buf_init(&b, 1 << 20);
	TAILQ_FOREACH(a, list, entry) {
		if (!a->exact && a->kind != ACT_REPLACE_BODY)
			buf_add_str(&b, "(not exact)");
		if (a->kind == ACT_INSERT_HEADER)
			buf_printf(&b, "+%s %s:%s", a->index == 1 ? "top" :
			    a->index == ACTION_INDEX_END ? "end" : "?", a->name, a->value);
		else if (a->kind == ACT_CHANGE_HEADER)
			buf_printf(&b, "%s %u:%s", a->name, a->index, a->value);
		else if (a->kind == ACT_DELETE_HEADER)
			buf_printf(&b, "-%s %u", a->name, a->index);
		else {
			buf_add_str(&b, "body ");
			buf_add(&b, a->body, a->body_len);
		}
		buf_add_str(&b, ";");
	}
	return buf_steal(&b, NULL);
}

/* Runs the actions in both MTAs. Empties the list. */
static void
both_mtas(struct action_list *list, const char *name)
{
	struct action_list	 again = TAILQ_HEAD_INITIALIZER(again);
	const char		*why;
	char			*want, *got;

	mta_model_run(POSTFIX, &old, &new, list, 1, &want, &got);
	CHECK_STR(got, want, name);
	free(want);
	free(got);
	if (maildiff(&old, &new, &again, &why) == -1)
		CHECK(0, name);
	mta_model_run(SENDMAIL, &old, &new, &again, 1, &want, &got);
	CHECK_STR(got, want, name);
	free(want);
	free(got);
}

/*
 * Checks that the difference is these actions, and that they turn one header
 * into the other in both MTAs.
 */
static void
is(const char *from, const char *to, const char *want, const char *name)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	const char		*why = NULL;
	char			*got;

	parse_both(from, to);
	if (maildiff(&old, &new, &list, &why) == -1) {
		CHECK_STR(why, want, name);
	} else {
		got = words(&list);
		CHECK_STR(got, want, name);
		free(got);
		both_mtas(&list, name);
	}
	free_both();
}

#define MAIL	"Received: a\n\tb\nFrom: f\nSubject: s\nTo: t\n"

static void
test_filters(void)
{
	is(MAIL "\nx\n", MAIL "\nx\n", "", "a filter that changes nothing");
	is(MAIL "\nx\n",
	    "X-Spam-Flag: YES\nX-Spam-Level: **\nReceived: a\n\tb\nFrom: f\n"
	    "Subject: [SPAM] s\nTo: t\n\nx\n",
	    "Subject 1: [SPAM] s;+top X-Spam-Level: **;+top X-Spam-Flag: YES;",
	    "headers on top and a tagged subject");
	is(MAIL "\n", MAIL "X-A: 1\nX-B: 2\n\n", "+end X-A: 1;+end X-B: 2;", "headers added");
	is(MAIL "\n", "Received: a\n\tb\nFrom: f\nTo: t\nSubject: n\n\n",
	    "-Subject 1;+end Subject: n;", "one taken out and added anew");
	is(MAIL "\n", "Received: a\n\tb\nFrom: f\nTo: t\n\n", "-Subject 1;", "one taken out");
	is(MAIL "\n", "Received: a\n\tb\nFrom: f\nOld-Subject: s\nTo: t\n\n",
	    "-Subject 1;-To 1;+end Old-Subject: s;+end To: t;", "one with another name");
	is(MAIL "\n", "X-A: 1\n" MAIL "X-Z: 1\n\n", "+top X-A: 1;+end X-Z: 1;", "both ends");
	is("X-D: 1\nX-D: 1\nA: a\nX-D: 1\nX-D: 2\n\n", "X-D: 1\nA: a\nX-D: 2\n\n",
	    "-X-D 2;-X-D 3;", "one of each kept");
	is("A: 1\nB: 2\nC: 3\n\n", "C: 3\nB: 2\nA: 1\n\n",
	    "-A 1;-B 1;+end B: 2;+end A: 1;", "the other way round");
	is("A: 1\nB: 2\n\n", "C: 3\nD: 4\n\n",
	    "-A 1;-B 1;+top D: 4;+top C: 3;", "nothing stays");
	is("", "A: 1\n\n", "+top A: 1;", "nothing was there");
	is("A: 1\n", "", "-A 1;", "nothing is there");
	is("", "", "", "nothing at all");
	is("A: 1\nS: x\nB: 2\n\n", "A: 1\nS: y\nB: 3\n\n", "S 1: y;B 1: 3;", "two changed");
	is("A: 1\nA: 2\nA: 3\n\n", "A: 0\nA: 1\nA: 2\nA: 3\n\n", "+top A: 0;",
	    "one more of a name on top");
	is("A: 1\nA: 2\nA: 3\n\n", "A: 1\nA: 3\n\n", "-A 2;", "one of a name less");
	is("X: 1\nA: 2\nX: 3\n\n", "A: 2\nX: 4\n\n", "-X 1;X 2: 4;",
	    "the index is that of the message as it came");
}

static void
test_bytes(void)
{
	is("A: v\n\n", "A:v\n\n", "A 1:v;", "the space taken out");
	is("A:v\n\n", "A:  v\n\n", "A 1:  v;", "two spaces");
	is("A:v\n\n", "A:\tv\n\n", "A 1:\tv;", "a tab");
	is("A: v\n\n", "A: v \n\n", "A 1: v ;", "a blank at the end");
	is("A: v\n w\n\n", "A: v\n\tw\n\n", "A 1: v\n\tw;", "another fold");
	is("A: v\n w\n\n", "A: v w\n\n", "A 1: v w;", "no fold");
	is("A: \xe4\n\n", "A: \xc3\xa4\n\n", "A 1: \xc3\xa4;", "eight bits");
	is("A: v\nB: w\n\n", "a: v\nB: w\n\n", "-A 1;+top a: v;", "the case of a name");
	is("A: v\n\n", "A : v\n\n", "", "a blank before the colon is lost on the way");
	is("A: v\nB: w\n\n", "A:\nB: w\n\n", "-A 1;+top A:;", "a value gone");
	is("B: w\nA: v\n\n", "B: w\nA: \n\n", "-A 1;+end A: ;", "but for the space");
	is("A:\nB: \n\n", "A:\nB: \nC: c\n\n", "+end C: c;", "empty ones stay");
	is("A:\nB: \n\n", "A: x\nB:y\n\n", "A 1: x;B 1:y;", "empty ones are filled");
	is("A: v\r\n w\r\n\r\n", "A: v\n w\n\n", "", "CRLF as LF");
	is("A: v\n\n", "A: v\r\nB: w\r\n x\r\n\r\n", "+end B: w\n x;", "LF as CRLF");
	is("a: 1\nA: 2\nB: 3\n\n", "a: 1\nA: 9\nB: 3\n\n", "A 2: 9;",
	    "the index counts names whatever the case");
}

/*
 * Of several cheapest differences, the one is taken that leaves trace headers
 * in place.
 */
static void
test_ties(void)
{
	is("X: 1\nReceived: r\n\n", "Received: r\nX: 1\n\n", "-X 1;+end X: 1;",
	    "a trace header stays, not what is above it");
	is("Received: r\nX: 1\n\n", "X: 1\nReceived: r\n\n", "-X 1;+top X: 1;",
	    "nor what is below");
	is("DKIM-Signature: d\nX: 1\n\n", "X: 1\nDKIM-Signature: d\n\n", "-X 1;+top X: 1;",
	    "a signature");
	is("Received: r\nX: 1\nY: 2\n\n", "X: 1\nY: 2\nReceived: r\n\n",
	    "-Received 1;+end Received: r;", "but no action is spent on it");
}

/* Sendmail supplies headers of its own if they are missing. */
static void
test_supplied(void)
{
	is("A: 1\n\n", "Date: d\nA: 1\nmessage-id: <i>\n\n",
	    "+top Date: d;+end message-id: <i>;", "headers that Sendmail supplies");
	is("A: 1\nDate: d\n\n", "Date: d\nA: 1\n\n", "-A 1;+end A: 1;", "one that was there");
	is("Date: d\nA: 1\nB: 1\n\n", "A: 1\nB: 1\nDate: d\n\n", "-Date 1;+end Date: d;",
	    "one that moves");
}

static void
test_body(void)
{
	is("A: 1\n\nx\ny\n", "A: 1\n\nx\nz\n", "body x\r\nz\r\n;", "another body");
	is("A: 1\n\nx\ny\n", "A: 1\r\n\r\nx\r\ny\r\n", "", "other line ends");
	is("A: 1\r\n\r\nx\r\ny\r\n", "A: 1\n\nx\r\ny\n", "", "both line ends");
	is("A: 1\n\nx\n", "A: 1\n\nx", "", "the last line end missing");
	is("A: 1\n\nx\n", "A: 1\n\nx\n\n", "body x\r\n\r\n;", "an empty line at the end");
	is("A: 1\n\nx\n", "A: 2\n\ny\n", "A 1: 2;body y\r\n;", "both");
	is("A: 1\n\nx\n", "A: 1\n\n", "body ;", "the body taken away");
	is("A: 1\n\n", "A: 1\n\nx\n", "body x\r\n;", "a body where there was none");
	is("A: 1\n\nx\ry\n", "A: 1\n\nx\r\r\ny\n", "body x\r\r\ny\r\n;", "a CR alone");
	is("A: 1\r\n\r\nx\r\r\n\ny\r\n", "A: 1\n\nx\r\n\ny\n", "",
	    "a CR before a line end, which no filter with LF can keep");
	is("A: 1\r\n\r\nx\r\r\n\ny\r\n", "A: 1\n\nx\r\n\nz\n", "body x\r\n\r\nz\r\n;",
	    "and one beside a change");
	is("A: 1\n\n\377\n", "A: 1\n\n\376\n", "body \376\r\n;", "eight bits");
}

static void
has_fault(const char *given, const char *returned, const char *want, const char *name)
{
	const char	*why;

	parse_both(given, returned);
	why = maildiff_fault(&old, &new);
	CHECK_STR(why == NULL ? "" : why, want, name);
	free_both();
}

static void
test_faults(void)
{
	has_fault("A: 1\n\nx\n", "A: 1\n\nx\n", "", "a message");
	has_fault("A: 1\n\n", "A: 1\n\n", "", "one without a body");
	has_fault("A: 1\n\n", "A: 1\n", "", "and without the empty line");
	has_fault("A: 1\n\n", "A: 1\n\nx\n", "", "a body added");
	has_fault("A: 1\n\nx\n", "B: 1\n\ny", "", "another message");
	has_fault("\nx\n", "\nx\n", "", "one that came without a header");
	has_fault("\nx\n", "B: 1\n\nx\n", "", "which it gets");
	has_fault("\n", "\n", "", "one that came with nothing");
	has_fault("A: 1\nno header\nB: 2\n", "A: 1\nno header\nB: 2\n", "",
	    "one that came with a line which is no header");
	has_fault("\n", "", "returned nothing", "nothing for nothing");
	has_fault("\nx\n", "\n", "returned nothing", "nothing for a body");
	has_fault("\nx\n", "oops\n", "returned a line that is no header among the headers",
	    "a text for a body");
	has_fault("A: 1\n\nx\n", "", "returned nothing", "nothing");
	has_fault("A: 1\n\nx\n", "\n", "returned nothing", "an empty line");
	has_fault("A: 1\n\nx\n", "hello\n", "returned a message without a header", "a text");
	has_fault("A: 1\n\nx\n", "\nx\n", "returned a message without a header", "a body");
	has_fault("A: 1\n\nx\n", "A: 1\n", "returned a message without its body",
	    "a header");
	has_fault("A: 1\n\nx\n", "A: 1\n\n", "returned a message without its body",
	    "and the empty line");
	has_fault("A: 1\n\nx\n", "A: 1\nwarning\nB: 1\n\nx\n",
	    "returned a line that is no header among the headers", "a stray line");
}

/* Tests a header of this many bytes that is new, or is in both messages. */
static void
long_header(size_t len, int there, const char *want, const char *name)
{
	char	*to = xmalloc(len + 4), *from = xmalloc(len + 4);

	memset(to, 'x', len);
	memcpy(to, "A:", 2);
	memcpy(to + len, "\n\n", 3);
	memcpy(from, to, len + 3);
	if (!there)
		from[0] = 'B';
	is(from, to, want, name);
	free(to);
	free(from);
}

static void
test_refused(void)
{
	long_header(65531, 0, "header too long", "too long to be sent");
	long_header(65531, 1, "", "which is no matter where it stays");
	is("A: 1\n\n", "A: 1\nB\177: 2\n\n",
	    "expected the name of a header: printable ASCII, no colon", "no name for Postfix");
	is("A: 1\nB\177: 2\n\n", "A: 1\nB\177: 2\nC: 1\n\n", "+end C: 1;", "unless it stays");
}

/* Adds n headers "N: i" or "Ni: i", numbered from first. */
static void
fill(struct buf *b, int names, unsigned int first, unsigned int n)
{
	unsigned int	 i;

	for (i = first; i < first + n; i++)
		if (names)
			buf_printf(b, "N%u: %u\n", i, i);
		else
			buf_printf(b, "N: %u\n", i);
}

static size_t
count(const struct action_list *list)
{
	const struct action	*a;
	size_t			 n = 0;

	TAILQ_FOREACH(a, list, entry)
		n++;
	return n;
}

/* Puts X on top, changes one header and deletes one, among n of these. */
static void
huge(int names, unsigned int n, const char *what)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	struct buf		 from, to;
	const char		*why;

	buf_init(&from, (size_t)1 << 30);
	buf_init(&to, (size_t)1 << 30);
	fill(&from, names, 0, n);
	buf_add_str(&to, "X: 1\n");
	fill(&to, names, 0, n / 3);
	fill(&to, names, n / 3 + 1, n / 3);
	fill(&to, names, n / 3 + 1 + n / 3, n - 1 - n / 3 - n / 3);
	to.data[to.len - 2] = 'c';
	buf_add_str(&from, "\n");
	buf_add_str(&to, "\n");
	if (mailfile_parse(&old, from.data, from.len, &why) == -1 ||
	    mailfile_parse(&new, to.data, to.len, &why) == -1 ||
	    maildiff(&old, &new, &list, &why) == -1)
		CHECK(0, what);
	else
		CHECK(count(&list) == 3, what);
	if (n < 10000)
		both_mtas(&list, what);
	action_list_clear(&list);
	free_both();
	buf_free(&from);
	buf_free(&to);
}

static void
test_huge(void)
{
	huge(1, 100000, "100000 headers of as many names");
	huge(0, 1000, "1000 headers of one name");
	huge(0, 3000, "more than can be compared, each with each");
	huge(0, 400000, "400000 of one name");
}

int
main(void)
{
	test_filters();
	test_bytes();
	test_ties();
	test_supplied();
	test_body();
	test_faults();
	test_refused();
	test_huge();
	return tap_done();
}
