/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes milter/smtp_reply.h and milter/smtp_text.h. The text of a refusal keeps the
 * rules of both MTAs, which are written here a second time, and is the same again after
 * a way through the words of a handler. The second part of the input is a text as a
 * filter might send it.
 */

#include "base/compat.h"

#include "fuzz.h"
#include "milter/smtp_reply.h"
#include "milter/smtp_text.h"
#include "reply/decode.h"

#define MAX	((size_t)1 << 20)

static int
digits_at(const char *s, size_t n)
{
	return strspn(s, "0123456789") >= n;
}

/* "5.7.1 " with the class of the code; returns its length, 0 if it is another thing. */
static size_t
enhanced_at(const char *s, char class)
{
	size_t	 i, n, len = 1;

	if (s[0] != class)
		return 0;
	for (i = 0; i < 2; i++) {
		if (s[len] != '.' || (n = strspn(s + len + 1, "0123456789")) < 1 || n > 3)
			return 0;
		len += 1 + n;
	}
	return s[len] == ' ' ? len + 1 : 0;
}

/* One line of what goes out, with all that both MTAs ask for. */
static void
check_line(const char *line, size_t len, const char *first, int last)
{
	size_t	 i, text;

	CHECK(len >= 5 && (line[0] == '4' || line[0] == '5') && digits_at(line, 3));
	CHECK(memcmp(line, first, 3) == 0 && line[3] == (last ? ' ' : '-'));
	CHECK((text = enhanced_at(line + 4, line[0])) > 0);
	CHECK(memcmp(line + 4, first + 4, text) == 0);
	CHECK(len - 4 - text <= 2 * SMTP_REPLY_MAX_LINE);
	for (i = 4 + text; i < len; i++) {
		CHECK(line[i] >= ' ' && line[i] <= '~');
		if (line[i] == '%')
			CHECK(line[++i] == '%');
	}
	CHECK(i == len);
}

static void
check_wire(const char *wire)
{
	const char	*line, *end;
	unsigned int	 n = 0;

	for (line = wire;; line = end + 2) {
		end = strstr(line, "\r\n");
		check_line(line, end == NULL ? strlen(line) : (size_t)(end - line), wire,
		    end == NULL);
		CHECK(++n <= SMTP_REPLY_MAX_LINES);
		if (end == NULL)
			break;
	}
	CHECK(smtp_text_check(wire) == NULL);
}

static char *
complete_and_write(enum verdict vd, struct smtp_reply *r, int *mended)
{
	struct buf	 out;

	*mended = smtp_reply_complete(vd, r);
	buf_init(&out, MAX);
	smtp_reply_wire(r, &out);
	CHECK(buf_ok(&out));
	return buf_steal(&out, NULL);
}

/* As the words of a handler: verdict and text of them give the same reply. */
static void
check_words(const char *wire, int ours)
{
	struct smtp_reply	 r;
	struct buf		 words;
	enum verdict		 vd;
	char			*plain = smtp_text_plain(wire), *again;
	int			 mended;

	buf_init(&words, MAX);
	smtp_text_words(&words, plain);
	buf_add_u8(&words, 0);
	CHECK(buf_ok(&words) && strchr((char *)words.data, '\n') == NULL);
	CHECK(reply_parse_verdict((char *)words.data, &vd, &r) == 0);
	CHECK(vd == VD_SHUTDOWN || vd == (wire[0] == '5' ? VD_REJECT : VD_TEMPFAIL));
	CHECK(vd != VD_SHUTDOWN || smtp_text_closes(wire));
	again = complete_and_write(vd, &r, &mended);
	check_wire(again);
	CHECK(!ours || (mended == 0 && strcmp(again, wire) == 0));
	CHECK(memcmp(again, wire, 3) == 0);
	smtp_reply_free(&r);
	buf_free(&words);
	free(plain);
	free(again);
}

static void
check_reply(enum verdict vd, const char *rest)
{
	struct smtp_reply	 r, copy;
	char			*wire, *again;
	int			 mended;

	smtp_reply_parse(rest, &r);
	wire = complete_and_write(vd, &r, &mended);
	check_wire(wire);
	CHECK(wire[0] == (vd == VD_REJECT ? '5' : '4'));
	CHECK(vd != VD_SHUTDOWN || strncmp(wire, "421", 3) == 0);
	/* It is complete, so nothing is to be mended a second time. */
	smtp_reply_copy(&copy, &r);
	again = complete_and_write(vd, &copy, &mended);
	CHECK(strcmp(again, wire) == 0 && (vd == VD_SHUTDOWN || mended == 0));
	check_words(wire, 1);
	smtp_reply_free(&copy);
	smtp_reply_free(&r);
	free(again);
	free(wire);
}

/* 1 where both MTAs take a filter's text as it is. */
static int
model_takes(const char *text)
{
	const char	*line, *end;
	size_t		 i, len;
	int		 last;

	for (line = text;; line = end + 2) {
		end = strstr(line, "\r\n");
		last = end == NULL;
		len = last ? strlen(line) : (size_t)(end - line);
		if (len < 4 || (line[0] != '4' && line[0] != '5') || !digits_at(line, 3) ||
		    memcmp(line, text, 3) != 0 || line[3] != (last ? ' ' : '-'))
			return 0;
		if (len > 4 && line[4] >= '0' && line[4] <= '9' && line[4] != line[0])
			return 0;
		for (i = 0; i < len; i++) {
			if (line[i] == '\r' || line[i] == '\n')
				return 0;
			if (line[i] == '%' && (++i == len || line[i] != '%'))
				return 0;
		}
		if (last)
			return 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum verdict	 verdicts[] = { VD_REJECT, VD_TEMPFAIL, VD_SHUTDOWN };
	struct input			 in = { .p = data, .left = size };
	enum verdict			 vd = verdicts[take_byte(&in) % nitems(verdicts)];
	size_t				 len;
	char				*text = take_rest(&in, &len), *second;

	/* Two strings one after the other, each with its NUL. */
	second = strlen(text) < len ? text + strlen(text) + 1 : NULL;
	check_reply(vd, text);
	if (second != NULL) {
		CHECK((smtp_text_check(second) == NULL) == model_takes(second));
		if (model_takes(second))
			check_words(second, 0);
	}
	free(text);
	return 0;
}
