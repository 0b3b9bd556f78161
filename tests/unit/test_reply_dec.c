/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Tests reply/decode.h: lines, verdicts, bodies, limits and ends. */

#include "base/compat.h"

#include <string.h>

#include "reply/decode.h"
#include "reply_transcript.h"
#include "tap.h"

static void
test_verdicts(void)
{
	check("continue\n", "continue\n");
	check("accept\n", "accept\n");
	check("discard\r\n", "discard\n");
	check("skip\n", "skip\n");
	check("reject\n", "reject\n");
	check("reject \n", "reject\n");
	check("reject 554 5.7.1 no \\0303\\0274\\nmore\n",
	    "reject 554 5.7.1 [no \303\274\\nmore]\n");
	check("tempfail 4.7.1\n", "tempfail 4.7.1\n");
	check("tempfail wait\n", "tempfail [wait]\n");
	check("shutdown\n", "shutdown\n");
	check("shutdown \n", "shutdown\n");
	check("shutdown 550 5.7.1 bye\n", "shutdown [550 5.7.1 bye]\n");
	check("accept\nreject\n", "accept\n");
	check("\n\r\n\ncontinue\n", "continue\n");
	check("", "end\n");
	check("\n\r\n\r", "end\n");
	check("continue", "continue\n");
	check("continue\r", "continue\n");
	check("log a\nprogress", "log [a]\nprogress\nend\n");
}

static void
test_words_at_fault(void)
{
	check_error(" continue", "expected a word where the line begins with a blank");
	check_error("\tcontinue", "expected a word where the line begins with a blank");
	check_error(" ", "expected a word where the line begins with a blank");
	check_error("contin", "unknown keyword");
	check_error("Continue", "unknown keyword, as it is not in lower case");
	check_error("ADD-HEADER a b", "unknown keyword, as it is not in lower case");
	check_error("reject: no", "unknown keyword, for the colon after it");
	check_error("Subject: no", "unknown keyword");
	check_error(": no", "unknown keyword");
	check_error("continue\t", "unknown keyword");
	check_error("continue\rx", "unknown keyword");
	check_error("continue ", "expected nothing after this word");
	check_error("accept now", "expected nothing after this word");
	check_error("discard ", "expected nothing after this word");
	check_error("skip x", "expected nothing after this word");
	check_error("progress ", "expected nothing after this word");
	check_error("reject \\0000", "octal escape not within \\0001 to \\0377");
	check_error("shutdown \\0400", "octal escape not within \\0001 to \\0377");
	check_error("log \\0777", "octal escape not within \\0001 to \\0377");
	check_error("set a \\0000", "octal escape not within \\0001 to \\0377");
	check_error("delete-recipient \\0000", "octal escape not within \\0001 to \\0377");
	check_error("add-recipient \\0000", "octal escape not within \\0001 to \\0377");
	check_error("quarantine \\0000", "octal escape not within \\0001 to \\0377");
	check_error("add-header \\0000 a", "octal escape not within \\0001 to \\0377");
	check_error("add-header a \\0000", "octal escape not within \\0001 to \\0377");
	check_error("unset a\\0000", "octal escape not within \\0001 to \\0377");
	check("log a\nbogus\ncontinue\n", "log [a]\n! unknown keyword [bogus]\n");
	check("bogus", "! unknown keyword [bogus]\n");
}

static void
fault_is(const char *reply, enum reply_fault fault, const char *name)
{
	struct reply_dec	*d = reply_dec_new(&limits);
	struct action		*a;
	size_t			 used;

	CHECK(reply_fault(d) == REPLY_FAULT_NONE, "no fault before");
	(void)reply_dec_feed(d, reply, strlen(reply), &used, &a);
	CHECK(reply_fault(d) == fault, name);
	reply_dec_free(d);
}

static void
test_faults(void)
{
	fault_is("continue\n", REPLY_FAULT_NONE, "no fault in a verdict");
	fault_is(" continue\n", REPLY_FAULT_BLANK, "a blank");
	fault_is("contin\n", REPLY_FAULT_KEYWORD, "no keyword");
	fault_is("Subject: no\n", REPLY_FAULT_KEYWORD, "nor with a colon");
	fault_is("Continue\n", REPLY_FAULT_SPELLING, "capitals");
	fault_is("reject: no\n", REPLY_FAULT_SPELLING, "a colon");
	fault_is("accept now\n", REPLY_FAULT_OTHER, "too much");
	fault_is("set\n", REPLY_FAULT_OTHER, "too little");
}

static void
test_body(void)
{
	const char	*number = "expected a number of decimal digits";

	check("replace-body 0\ncontinue\n", "replace-body body[]\ncontinue\n");
	check("replace-body 5\na\nb\r\ncontinue\n",
	    "replace-body body[a\\r\\nb\\r\\n]\ncontinue\n");
	check("replace-body 3\r\n\n\n\naccept\n", "replace-body body[\\r\\n\\r\\n\\r\\n]\naccept\n");
	check("replace-body 9\ncontinue\naccept\n", "replace-body body[continue\\r\\n]\naccept\n");
	check("replace-body 1\n\rreplace-body 1\n\n",
	    "replace-body body[\\r]\nreplace-body body[\\r\\n]\nend\n");
	check("replace-body 0", "replace-body body[]\nend\n");
	check("replace-body 1",
	    "! end of output before the end of the body [replace-body 1]\n");
	check("replace-body 4\nabc",
	    "! end of output before the end of the body [replace-body 4]\n");
	check_error("replace-body", number);
	check_error("replace-body ", number);
	check_error("replace-body -1", number);
	check_error("replace-body 1 ", number);
	check_error("replace-body 101", "number too large");
	check_error("replace-body 18446744073709551616", "number too large");
	limits.keep_newlines = 1;
	check("replace-body 5\na\nb\r\ncontinue\n", "replace-body body[a\\nb\\r\\n]\ncontinue\n");
	limits.keep_newlines = 0;
}

static void
test_binary_body(void)
{
	static const char	 in[] = "replace-body 100\n";
	char			 all[sizeof(in) - 1 + 100];
	struct reply_dec	*d = reply_dec_new(&limits);
	struct action		*a;
	size_t			 used, i;

	memcpy(all, in, sizeof(in) - 1);
	for (i = 0; i < 100; i++)
		all[sizeof(in) - 1 + i] = (char)(i < 10 ? 0 : 150 + i);
	CHECK(reply_dec_feed(d, all, 50, &used, &a) == REPLY_MORE && used == 50,
	    "a body that is not complete");
	CHECK(reply_dec_pending(d) >= 50 - sizeof(in), "waits");
	CHECK(reply_dec_feed(d, all + 50, sizeof(all) - 50, &used, &a) == REPLY_ACTION &&
	    a != NULL && used == sizeof(all) - 50, "and is completed");
	CHECK(a != NULL && a->body_len == 100 && memcmp(a->body, all + sizeof(in) - 1, 100) == 0,
	    "NUL and 8-bit bytes as they are");
	CHECK(reply_dec_pending(d) == 0, "then nothing waits");
	action_free(a);
	reply_dec_free(d);
}

static void
test_line_limits(void)
{
	limits.max_line = 8;
	check("continue\n", "continue\n");
	check("continue\r\n", "continue\n");
	check("continue", "continue\n");
	check("continue\r", "continue\n");
	check("log abcd\nlog abcd\r\n", "log [abcd]\nlog [abcd]\nend\n");
	check("log abcde\n", "! line too long [log abcde]\n");
	check("log abcdefghij", "! line too long [log abcde]\n");
	check("log abcd\r\r\n", "! line too long [log abcd\\r]\n");
	check("log abcd\rx\n", "! line too long [log abcd\\r]\n");
	check("replace-b", "! line too long [replace-b]\n");
	limits.max_line = 1000;
}

static void
test_nul(void)
{
	struct reply_dec	*d;
	struct action		*a;
	const char		*line;
	size_t			 used, len, i;
	int			 wrong = 0;

	for (i = 0; i < 3; i++) {
		d = reply_dec_new(&limits);
		wrong += reply_dec_feed(d, i == 0 ? "\0" : i == 1 ? "a\0" : "accept\0\n",
		    i == 2 ? 8 : i + 1, &used, &a) != REPLY_ERROR;
		line = reply_line(d, &len);
		wrong += line[len - 1] != '\0' || strcmp(reply_why(d), "NUL byte in a line") != 0;
		reply_dec_free(d);
	}
	CHECK(wrong == 0, "a NUL in a line is an error at once");
	limits.max_line = 4;
	d = reply_dec_new(&limits);
	CHECK(reply_dec_feed(d, "abcdefgh\0\n", 10, &used, &a) == REPLY_ERROR &&
	    strcmp(reply_why(d), "line too long") == 0, "one behind the limit is too late");
	reply_dec_free(d);
	limits.max_line = 1000;
}

static void
test_shown_line(void)
{
	char			 line[301];
	struct reply_dec	*d = reply_dec_new(&limits);
	struct action		*a;
	const char		*shown;
	size_t			 used, len;

	memset(line, 'x', sizeof(line) - 1);
	line[100] = '\\';
	line[300] = '\n';
	CHECK(reply_dec_feed(d, line, sizeof(line), &used, &a) == REPLY_ERROR, "a long line");
	shown = reply_line(d, &len);
	CHECK_MEM(shown, len, line, 200, "is shown to 200 bytes, raw");
	CHECK(reply_dec_feed(d, "continue\n", 9, &used, &a) == REPLY_ERROR && used == 0,
	    "after an error nothing is read");
	CHECK(reply_dec_eof(d, &a) == REPLY_ERROR && a == NULL, "nor at the end");
	reply_dec_free(d);
}

static void
test_after_verdict(void)
{
	struct reply_dec	*d = reply_dec_new(&limits);
	struct action		*a;
	size_t			 used;

	CHECK(reply_dec_feed(d, "acc", 3, &used, &a) == REPLY_MORE && used == 3 &&
	    reply_dec_pending(d) == 3, "half a line waits");
	CHECK(reply_dec_feed(d, "ept\nlog x\n", 10, &used, &a) == REPLY_VERDICT &&
	    used == 4, "a verdict ends the reply where its line ends");
	CHECK(reply_dec_pending(d) == 0, "nothing waits");
	CHECK(reply_dec_feed(d, "log x\n", 6, &used, &a) == REPLY_VERDICT && used == 0 &&
	    a == NULL, "nothing is read behind it");
	CHECK(reply_dec_eof(d, &a) == REPLY_VERDICT && reply_verdict(d) == VD_ACCEPT,
	    "and it stands");
	reply_dec_free(d);
	d = reply_dec_new(&limits);
	CHECK(reply_dec_feed(d, "replace-body 10\nabc", 19, &used, &a) == REPLY_MORE,
	    "freed in the middle of a body");
	reply_dec_free(d);
	reply_dec_free(NULL);
}

static void
test_lists(void)
{
	struct action_list	 list = TAILQ_HEAD_INITIALIZER(list);
	struct reply_dec	*d = reply_dec_new(&limits);
	struct action		*a;
	const char		*in = "set a b\nadd-recipient a b\nreplace-body 1\nx";
	size_t			 used, n = 0;

	while (reply_dec_feed(d, in, strlen(in), &used, &a) == REPLY_ACTION) {
		TAILQ_INSERT_TAIL(&list, a, entry);
		in += used;
		n++;
	}
	reply_dec_free(d);
	CHECK(n == 3, "three actions in a list");
	action_list_clear(&list);
	CHECK(TAILQ_EMPTY(&list), "cleared");
	action_free(NULL);
}

static void
test_parse_verdict(void)
{
	struct smtp_reply	 r;
	enum verdict		 vd;

	CHECK(reply_parse_verdict("reject 554 5.7.1 Virus\\nfound", &vd, &r) == 0 &&
	    vd == VD_REJECT && r.code == 554, "a verdict of the configuration");
	CHECK_STR(r.enhanced, "5.7.1", "its enhanced code");
	CHECK_STR(r.text, "Virus\nfound", "its text");
	smtp_reply_free(&r);
	CHECK(reply_parse_verdict("continue", &vd, &r) == 0 && vd == VD_CONTINUE &&
	    r.code == 0 && r.text == NULL, "one without a text");
	CHECK(reply_parse_verdict("", &vd, &r) == -1 &&
	    reply_parse_verdict(" reject", &vd, &r) == -1 &&
	    reply_parse_verdict("rejec", &vd, &r) == -1 &&
	    reply_parse_verdict("continue now", &vd, &r) == -1 &&
	    reply_parse_verdict("log x", &vd, &r) == -1 &&
	    reply_parse_verdict("reject \\0000", &vd, &r) == -1, "no verdicts");
}

int
main(void)
{
	test_verdicts();
	test_words_at_fault();
	test_faults();
	test_body();
	test_binary_body();
	test_line_limits();
	test_nul();
	test_shown_line();
	test_after_verdict();
	test_lists();
	test_parse_verdict();
	return tap_done();
}
