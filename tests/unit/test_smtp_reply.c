/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests milter/smtp_reply.h. check_reply() checks the text for what Sendmail
 * and Postfix demand; other tests have literal texts.
 */

#include "base/compat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "milter/smtp_reply.h"
#include "milter/smtp_text.h"
#include "tap.h"
#include "base/xmalloc.h"

/* 1 for X.Y.Z of this class with a space or nothing after it. */
static int
good_enhanced(const char *s, char class)
{
	size_t	 n;
	int	 part;

	if (*s++ != class)
		return 0;
	for (part = 0; part < 2; part++) {
		if (*s++ != '.')
			return 0;
		n = strspn(s, "0123456789");
		if (n < 1 || n > 3)
			return 0;
		s += n;
	}
	return *s == ' ';
}

/* Sendmail formats the text once more: a single % makes it drop the reply. */
static int
good_percents(const char *s)
{
	for (; (s = strchr(s, '%')) != NULL; s += 2)
		if (s[1] != '%')
			return 0;
	return 1;
}

static int
good_line(const char *line, size_t len, const char *first, int last)
{
	size_t	 i;

	if (len < 4 || memcmp(line, first, 3) != 0 || line[3] != (last ? ' ' : '-'))
		return 0;
	if (!good_enhanced(line + 4, first[0]))
		return 0;
	for (i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			return 0;
	return len - 4 <= 980;
}

/* Says what an MTA would have against the text of a reply, or NULL. */
static const char *
check_reply(const char *text, size_t len, char class)
{
	const char	*p = text, *crlf;
	size_t		 n;
	int		 lines = 0;

	if (strlen(text) != len)
		return "a NUL inside";
	if (len < 3 || text[0] != class || !isdigit((unsigned char)text[1]) ||
	    !isdigit((unsigned char)text[2]))
		return "no code of the class";
	if (!good_percents(text))
		return "a single %";
	do {
		crlf = strstr(p, "\r\n");
		n = crlf == NULL ? strlen(p) : (size_t)(crlf - p);
		if (!good_line(p, n, text, crlf == NULL))
			return "a bad line";
		lines++;
		p += n + 2;
	} while (crlf != NULL);
	return lines > 32 ? "too many lines" : NULL;
}

static char
class_of(enum verdict vd)
{
	return vd == VD_REJECT ? '5' : '4';
}

/* Returns the text on the wire for the rest of a verdict line; sets *mended. */
static char *
wire(enum verdict vd, const char *rest, int *mended, size_t *len)
{
	struct smtp_reply	 r;
	struct buf		 out;

	smtp_reply_parse(rest, &r);
	*mended = smtp_reply_complete(vd, &r);
	buf_init(&out, 65535);
	smtp_reply_wire(&r, &out);
	smtp_reply_free(&r);
	if (!buf_ok(&out))
		buf_reset(&out);
	return buf_steal(&out, len);
}

static void
check(enum verdict vd, const char *rest, const char *want, int want_mended,
    const char *name)
{
	size_t	 len;
	int	 mended;
	char	*got = wire(vd, rest, &mended, &len);

	CHECK_STR(got, want, name);
	CHECK_STR(check_reply(got, len, class_of(vd)), NULL, "both MTAs take it");
	CHECK(mended == want_mended, "what had to be mended");
	free(got);
}

static void
test_words(void)
{
	check(VD_REJECT, "", "550 5.7.1 Command rejected", 0, "nothing given");
	check(VD_TEMPFAIL, "", "451 4.7.1 Try again later", 0, "nothing given, for now");
	check(VD_SHUTDOWN, "", "421 4.7.0 Closing connection", 0, "nothing given, the end");
	check(VD_REJECT, "554", "554 5.7.1 Command rejected", 0, "a code");
	check(VD_REJECT, "5.1.1", "550 5.1.1 Command rejected", 0, "an enhanced code");
	check(VD_REJECT, "554 5.1.1", "554 5.1.1 Command rejected", 0, "both");
	check(VD_REJECT, "554 5.1.1 No such user", "554 5.1.1 No such user", 0, "all three");
	check(VD_REJECT, "no", "550 5.7.1 no", 0, "text");
	check(VD_REJECT, "554 no", "554 5.7.1 no", 0, "code and text");
	check(VD_REJECT, "5.7.26 no", "550 5.7.26 no", 0, "enhanced code and text");
	check(VD_TEMPFAIL, "450 4.2.0 later", "450 4.2.0 later", 0, "a greylist");
	check(VD_TEMPFAIL, "421 4.7.0 bye", "421 4.7.0 bye", 0, "a tempfail that hangs up");
	check(VD_REJECT, "550  5.7.1\t two  blanks ", "550 5.7.1 two  blanks ", 0,
	    "blanks between the words");
	check(VD_REJECT, "5.7.1 550 no", "550 5.7.1 550 no", 0, "a code comes first only");
	check(VD_REJECT, "550 550 no", "550 5.7.1 550 no", 0, "and once");
	check(VD_REJECT, "5500 no", "550 5.7.1 5500 no", 0, "four digits are text");
	check(VD_REJECT, "55x no", "550 5.7.1 55x no", 0, "letters are text");
	check(VD_REJECT, "1.2.3.4 is listed", "550 5.7.1 1.2.3.4 is listed", 0,
	    "an address is text");
	check(VD_REJECT, "5.7 no", "550 5.7.1 5.7 no", 0, "two numbers are text");
	check(VD_REJECT, "100% spam", "550 5.7.1 100%% spam", 0, "a percentage is text");
}

static void
test_mended_codes(void)
{
	check(VD_REJECT, "451 no", "550 5.7.1 no", SMTP_REPLY_BAD_CODE, "a 4xx that rejects");
	check(VD_TEMPFAIL, "550 no", "451 4.7.1 no", SMTP_REPLY_BAD_CODE, "a 5xx for now");
	check(VD_REJECT, "250 no", "550 5.7.1 no", SMTP_REPLY_BAD_CODE, "a 2xx");
	check(VD_REJECT, "999 no", "550 5.7.1 no", SMTP_REPLY_BAD_CODE, "a 9xx");
	check(VD_REJECT, "550 4.7.1 no", "550 5.7.1 no", SMTP_REPLY_BAD_CLASS, "another class");
	check(VD_TEMPFAIL, "5.7.1 no", "451 4.7.1 no", SMTP_REPLY_BAD_CLASS, "again");
	check(VD_REJECT, "5.1234.1 no", "550 5.7.1 no", SMTP_REPLY_BAD_CLASS, "out of range");
	check(VD_REJECT, "5.1.1234567890 no", "550 5.7.1 no", SMTP_REPLY_BAD_CLASS,
	    "far out of range");
	check(VD_REJECT, "55.1.1 no", "550 5.7.1 no", SMTP_REPLY_BAD_CLASS, "a long class");
	check(VD_REJECT, "5.999.999 no", "550 5.999.999 no", 0, "the largest in range");
	check(VD_REJECT, "421 4.7.0 no", "550 5.7.1 no",
	    SMTP_REPLY_BAD_CODE | SMTP_REPLY_BAD_CLASS, "both wrong");
}

static void
test_text(void)
{
	check(VD_REJECT, "554 5.7.1 no\n100% sure", "554-5.7.1 no\r\n554 5.7.1 100%% sure", 0,
	    "two lines and a percent sign");
	check(VD_REJECT, "a\n\nb", "550-5.7.1 a\r\n550-5.7.1 \r\n550 5.7.1 b", 0,
	    "an empty line inside");
	check(VD_REJECT, "a\n", "550 5.7.1 a", 0, "a line break at the end");
	check(VD_REJECT, "a\n\n\n", "550 5.7.1 a", 0, "several of them");
	check(VD_REJECT, "\n", "550 5.7.1 Command rejected", 0, "nothing but a line break");
	check(VD_REJECT, "550\n2 apples", "550 5.7.1 2 apples", 0, "a code on its own line");
	check(VD_REJECT, "550 5.7.1 %%", "550 5.7.1 %%%%", 0, "doubled ones are doubled");
	check(VD_REJECT, "a\rb", "550 5.7.1 a?b", SMTP_REPLY_BAD_BYTES, "a CR");
	check(VD_REJECT, "a\tb\1\177", "550 5.7.1 a?b??", SMTP_REPLY_BAD_BYTES, "control bytes");
	check(VD_REJECT, "\303\274ber", "550 5.7.1 ??ber", SMTP_REPLY_BAD_BYTES, "UTF-8");
	check(VD_SHUTDOWN, "bye", "421 4.7.0 bye", 0, "the text of an end");
}

static void
test_limits(void)
{
	struct smtp_reply	 r;
	char			 text[SMTP_REPLY_MAX_LINE + 2];
	char			*got, *many;
	size_t			 len, i;
	int			 mended;

	memset(text, '%', sizeof(text));
	text[SMTP_REPLY_MAX_LINE] = '\0';
	got = wire(VD_REJECT, text, &mended, &len);
	CHECK(mended == 0 && len == 10 + 2 * SMTP_REPLY_MAX_LINE, "a line of 480 bytes");
	CHECK_STR(check_reply(got, len, '5'), NULL, "both MTAs take it");
	free(got);
	text[SMTP_REPLY_MAX_LINE] = '%';
	text[SMTP_REPLY_MAX_LINE + 1] = '\0';
	got = wire(VD_REJECT, text, &mended, &len);
	CHECK(mended == SMTP_REPLY_CUT && len == 10 + 2 * SMTP_REPLY_MAX_LINE, "one of 481");
	free(got);
	check(VD_REJECT, "a\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nb",
	    "550 5.7.1 a", SMTP_REPLY_CUT, "empty lines at the end of those that are kept");

	many = xcalloc(40, SMTP_REPLY_MAX_LINE + 1);
	for (i = 0; i < 40 * (SMTP_REPLY_MAX_LINE + 1) - 1; i++)
		many[i] = i % (SMTP_REPLY_MAX_LINE + 1) == SMTP_REPLY_MAX_LINE ? '\n' : '%';
	got = wire(VD_TEMPFAIL, many, &mended, &len);
	CHECK_STR(check_reply(got, len, '4'), NULL, "of forty such lines 32 are taken");
	CHECK(mended == SMTP_REPLY_CUT && len == 32 * (10 + 2 * SMTP_REPLY_MAX_LINE) + 31 * 2,
	    "whole");
	free(got);
	many[32 * (SMTP_REPLY_MAX_LINE + 1) - 1] = '\0';
	smtp_reply_parse(many, &r);
	CHECK(smtp_reply_complete(VD_TEMPFAIL, &r) == 0 && strcmp(r.text, many) == 0,
	    "32 lines of 480 bytes need no mending");
	smtp_reply_free(&r);
	free(many);
}

static void
test_struct(void)
{
	struct smtp_reply	 r, copy;

	smtp_reply_parse("250 1.2.3", &r);
	CHECK(r.code == 250 && r.text == NULL, "parsed as given, though wrong");
	CHECK_STR(r.enhanced, "1.2.3", "the enhanced code too");
	smtp_reply_copy(&copy, &r);
	CHECK(copy.code == 250 && copy.text == NULL, "copied without a text");
	smtp_reply_free(&r);
	smtp_reply_parse("one\ntwo", &r);
	smtp_reply_copy(&copy, &r);
	smtp_reply_free(&r);
	CHECK(r.text == NULL, "freed");
	CHECK_STR(copy.text, "one\ntwo", "the copy has a text of its own");
	smtp_reply_complete(VD_REJECT, &copy);
	CHECK(smtp_reply_complete(VD_REJECT, &copy) == 0, "complete is complete");
	smtp_reply_free(&copy);
	copy.text = xstrdup("\n");
	smtp_reply_complete(VD_SHUTDOWN, &copy);
	CHECK_STR(copy.text, "Closing connection", "a text of a line break is none");
	smtp_reply_free(&copy);
}

/* plain: a reply as smtp_text_plain() gives it. */
static void
check_text_words(const char *plain, const char *want, const char *name)
{
	struct buf	 out;

	buf_init(&out, 65535);
	smtp_text_words(&out, plain);
	buf_add_u8(&out, 0);
	CHECK_STR((const char *)out.data, want, name);
	buf_free(&out);
}

static void
test_text_words(void)
{
	check_text_words("421 4.7.0 bye", "shutdown bye", "the codes of shutdown");
	check_text_words("421 4.7.0", "shutdown", "without a text");
	check_text_words("421 4.7.00 bye", "tempfail 421 4.7.00 bye", "a longer code");
	check_text_words("421 4.7.1 bye", "tempfail 421 4.7.1 bye", "another code");
	check_text_words("421 bye", "tempfail 421 bye", "no enhanced code");
	check_text_words("421-4.7.05 a\n421 4.7.05 b", "tempfail 421 4.7.05 a\\nb", "two lines");
	check_text_words("550 5.7.1", "reject 550 5.7.1", "codes alone");
	check_text_words("550 4.7.1 no", "reject 550 4.7.1 no", "another class is text");
}

/* A random number below n. The numbers are the same in each run. */
static unsigned int
pick(unsigned int n)
{
	static uint32_t	 state = 20261122;

	state = state * 1664525 + 1013904223;
	return (state >> 16) % n;
}

static void
test_anything(void)
{
	static const char *const	 parts[] = { "550", "451", "421", " ", " ", "\n", "\t",
		"5.7.1", "4.7.1", "5.", ".", "%", "%%", "%s", "x", "\r", "\377", "2", "000",
		"-", "0123456789012345678901234567890123456789" };
	static const enum verdict	 verdicts[] = { VD_REJECT, VD_TEMPFAIL, VD_SHUTDOWN };
	struct buf			 rest;
	const char			*why, *worst = NULL;
	enum verdict			 vd;
	char				*got, *text;
	unsigned int			 round, n;
	size_t				 len;
	int				 mended;

	buf_init(&rest, 65535);
	for (round = 0; round < 20000; round++) {
		for (n = pick(round % 100 == 0 ? 1000 : 12); n > 0; n--)
			buf_add_str(&rest, parts[pick(nitems(parts))]);
		text = buf_steal(&rest, NULL);
		vd = verdicts[pick(3)];
		got = wire(vd, text, &mended, &len);
		why = check_reply(got, len, class_of(vd));
		worst = why != NULL ? why : worst;
		free(text);
		free(got);
	}
	CHECK_STR(worst, NULL, "whatever is given, both MTAs take what comes of it");
}

/* check_reply() must find something wrong in wrong texts. */
static void
test_the_judge(void)
{
	static const char *const	 bad[] = { "", "55", "250 2.0.0 ok", "550 no",
		"550 5.7.1 100% no", "550 5.7.1 no\r\n", "550 5.7.1 a\r\n550 5.7.1 b",
		"550-5.7.1 a\r\n551 5.7.1 b", "550-5.7.1 a\n550 5.7.1 b", "550 4.7.1 no",
		"550-5.7.1 a", "550 5.7.1 \303\274", "550 1.2.3.4 listed", "550 5.7.1234 no" };
	size_t				 i;

	for (i = 0; i < nitems(bad); i++)
		CHECK(check_reply(bad[i], strlen(bad[i]), '5') != NULL, "the judge sees it");
	CHECK(check_reply("550 5.7.1 a\0b", 13, '5') != NULL, "and a NUL");
}

int
main(void)
{
	test_the_judge();
	test_words();
	test_mended_codes();
	test_text();
	test_limits();
	test_struct();
	test_text_words();
	test_anything();
	return tap_done();
}
