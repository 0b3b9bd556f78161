/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests base/newline.h: a body cut into pieces anywhere must give the same as
 * the whole body.
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "base/newline.h"
#include "tap.h"

/* Converts len bytes, cut after each byte whose bit is set in cuts. */
static void
convert(int crlf, const char *in, size_t len, unsigned int cuts, struct buf *out)
{
	struct newline	 nl;
	size_t		 from = 0, i;

	buf_reset(out);
	newline_init(&nl);
	for (i = 0; i < len; i++) {
		if (i + 1 < len && (cuts & 1u << i) == 0)
			continue;
		if (crlf)
			newline_to_crlf(&nl, guarded(in + from, i + 1 - from), i + 1 - from, out);
		else
			newline_to_lf(&nl, guarded(in + from, i + 1 - from), i + 1 - from, out);
		from = i + 1;
	}
	if (!crlf)
		newline_flush(&nl, out);
}

/* Converts a whole body with a plain loop. */
static size_t
expected(int crlf, const char *in, size_t len, char *want)
{
	size_t	 i, n = 0;

	for (i = 0; i < len; i++) {
		if (!crlf && in[i] == '\r' && i + 1 < len && in[i + 1] == '\n')
			continue;
		if (crlf && in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			want[n++] = '\r';
		want[n++] = in[i];
	}
	return n;
}

/* Tests every body of up to 7 bytes of CR, LF and x, cut in many ways. */
static void
test_all_splits(int crlf, const char *name)
{
	static const char	 bytes[] = { '\r', '\n', 'x' };
	struct buf		 out;
	char			 in[7], want[14];
	size_t			 len, i, n, wrong = 0;
	unsigned int		 number, digits, cuts, total = 1;

	buf_init(&out, 100);
	for (len = 0; len <= sizeof(in); len++, total *= 3)
		for (number = 0; number < total; number++) {
			for (i = 0, digits = number; i < len; i++, digits /= 3)
				in[i] = bytes[digits % 3];
			n = expected(crlf, in, len, want);
			/*
			 * All combinations of the len - 1 places for up to 5
			 * bytes, above that only some.
			 */
			for (cuts = 0; cuts < 1u << (len > 0 ? len - 1 : 0);
			    cuts += len > 5 ? 7 : 1) {
				convert(crlf, in, len, cuts, &out);
				if (out.len != n || (n > 0 && memcmp(out.data, want, n) != 0))
					wrong++;
			}
		}
	CHECK(wrong == 0 && buf_ok(&out), name);
	buf_free(&out);
}

static void
test_waiting_cr(void)
{
	struct newline	 nl;
	struct buf	 out;

	buf_init(&out, 100);
	newline_init(&nl);
	newline_to_lf(&nl, "ab\r", 3, &out);
	CHECK_MEM(out.data, out.len, "ab", 2, "a CR at the end of a piece waits");
	newline_to_lf(&nl, "", 0, &out);
	CHECK_MEM(out.data, out.len, "ab", 2, "an empty piece does not wake it");
	newline_to_lf(&nl, "\n", 1, &out);
	CHECK_MEM(out.data, out.len, "ab\n", 3, "with the LF it becomes one line end");
	CHECK(newline_flush(&nl, &out) == 0 && out.len == 3, "and nothing waits any more");
	newline_to_lf(&nl, "\r", 1, &out);
	newline_to_lf(&nl, "x", 1, &out);
	CHECK_MEM(out.data, out.len, "ab\n\rx", 5, "without LF it comes before the next byte");
	newline_to_lf(&nl, "\r", 1, &out);
	newline_to_lf(&nl, "\r", 1, &out);
	CHECK_MEM(out.data, out.len, "ab\n\rx\r", 6, "of two the second waits");
	CHECK(newline_flush(&nl, &out) == 1, "flush finds it");
	CHECK_MEM(out.data, out.len, "ab\n\rx\r\r", 7, "and gives it out");
	CHECK(newline_flush(&nl, &out) == 0 && out.len == 7, "once");
	buf_free(&out);
}

static void
test_bytes(void)
{
	struct newline	 nl;
	struct buf	 out;

	buf_init(&out, 100);
	newline_init(&nl);
	newline_to_lf(&nl, "a\0\r\n\xff\n\r", 7, &out);
	CHECK_MEM(out.data, out.len, "a\0\n\xff\n", 5, "NUL and 8-bit bytes to a handler");
	buf_reset(&out);
	newline_init(&nl);
	newline_to_crlf(&nl, "a\0\n\xff\r\n\r", 7, &out);
	CHECK_MEM(out.data, out.len, "a\0\r\n\xff\r\n\r", 8, "and from one");
	newline_to_crlf(&nl, "", 0, &out);
	newline_to_crlf(&nl, "\n\n", 2, &out);
	CHECK_MEM(out.data, out.len, "a\0\r\n\xff\r\n\r\n\r\n", 11, "a CR counts across pieces");
	buf_free(&out);
}

int
main(void)
{
	test_all_splits(0, "towards a handler: every body, cut in every way");
	test_all_splits(1, "from a handler: every body, cut in every way");
	test_waiting_cr();
	test_bytes();
	return tap_done();
}
