/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "milter/proto.h"
#include "mta/edit.h"
#include "tap.h"

static const char	 original[] = "A: 1\nB: 2\nA: 3\n\nbody\n";

static struct mta_message	 m;
static struct mta_edit		 e;

static void
begin_with(const char *text)
{
	const char	*why;

	CHECK(mta_message_parse(&m, text, strlen(text), &why) == 0, "a message");
	mta_edit_init(&e, &m, "<s@x>");
	mta_edit_rcpt(&e, "<r@x>");
	mta_edit_rcpt(&e, "<t@x>");
}

static void
begin(void)
{
	begin_with(original);
}

/* Checks what would be delivered, and frees everything. */
static void
end(const char *want, const char *name)
{
	struct buf	 out;

	buf_init(&out, 1 << 20);
	mta_edit_write(&e, 0, &out);
	CHECK_MEM(out.data, out.len, want, strlen(want), name);
	buf_free(&out);
	mta_edit_free(&e);
	mta_message_free(&m);
}

static const char *
header(int code, uint32_t index, const char *name, const char *value)
{
	struct milter_reply	 r;

	memset(&r, 0, sizeof(r));
	r.code = (uint8_t)code;
	r.index = index;
	r.name = name;
	r.text = value;
	return mta_edit_apply(&e, &r);
}

static const char *
text(int code, const char *value)
{
	struct milter_reply	 r;

	memset(&r, 0, sizeof(r));
	r.code = (uint8_t)code;
	r.text = value;
	return mta_edit_apply(&e, &r);
}

static void
body(const char *piece)
{
	struct milter_reply	 r;

	memset(&r, 0, sizeof(r));
	r.code = SMFIR_REPLBODY;
	r.body = (const unsigned char *)piece;
	r.body_len = strlen(piece);
	CHECK(mta_edit_apply(&e, &r) == NULL, "a piece of a body");
}

static void
test_add(void)
{
	begin();
	CHECK(header('h', 0, "B", "x") == NULL, "add");
	end("A: 1\nB: 2\nA: 3\nB: x\n\nbody\n", "at the end, whatever the name");
	begin();
	e.leadspc = 1;
	header('h', 0, "X", "y");
	header('h', 0, "X", " z");
	end("A: 1\nB: 2\nA: 3\nX:y\nX: z\n\nbody\n", "with the filter's own space");
	begin();
	CHECK(header('h', 0, "X", "a\n b\nc") != NULL, "a line without a blank is odd");
	end("A: 1\nB: 2\nA: 3\nX: a\n b\n\tc\n\nbody\n", "and gets a tab");
	begin();
	CHECK(header('h', 0, "X", "a\r\n b") != NULL, "a CR is odd");
	end("A: 1\nB: 2\nA: 3\nX: a\r\n b\n\nbody\n", "and stays");
}

static void
test_insert(void)
{
	begin();
	header('i', 0, "X", "0");
	end("X: 0\nA: 1\nB: 2\nA: 3\n\nbody\n", "0 is the top");
	begin();
	header('i', 1, "X", "1");
	end("X: 1\nA: 1\nB: 2\nA: 3\n\nbody\n", "1 is below the own Received");
	begin();
	header('i', 2, "X", "2");
	end("A: 1\nX: 2\nB: 2\nA: 3\n\nbody\n", "2 is below the first that is shown");
	begin();
	header('i', 3, "X", "3");
	header('i', 4, "Y", "4");
	end("A: 1\nB: 2\nX: 3\nY: 4\nA: 3\n\nbody\n", "what was inserted counts");
	begin();
	header('i', 4, "X", "4");
	end("A: 1\nB: 2\nA: 3\nX: 4\n\nbody\n", "behind the last");
	begin();
	header('i', 0xffffffffu, "X", "far");
	end("A: 1\nB: 2\nA: 3\nX: far\n\nbody\n", "far behind the last");
}

static void
test_change(void)
{
	begin();
	CHECK(header('m', 2, "a", "x") == NULL, "change");
	end("A: 1\nB: 2\na: x\n\nbody\n", "the second, in its place");
	begin();
	header('m', 0, "A", "x");
	end("A: x\nB: 2\nA: 3\n\nbody\n", "0 is 1");
	begin();
	CHECK(header('m', 3, "A", "x") != NULL, "one that is not there is odd");
	end("A: 1\nB: 2\nA: 3\nA: x\n\nbody\n", "and added");
	begin_with("Received: 1\nA: 1\n\n");
	header('m', 1, "Received", "x");
	end("Received: x\nA: 1\n\n", "the own Received is not counted");
	begin();
	header('i', 0, "A", "0");
	header('m', 1, "A", "x");
	end("A: 0\nA: x\nB: 2\nA: 3\n\nbody\n", "the very first is never looked at");
}

static void
test_delete(void)
{
	begin();
	CHECK(header('m', 1, "A", "") == NULL, "delete");
	CHECK(header('m', 1, "A", "") == NULL, "what is gone does not count");
	CHECK(header('m', 1, "A", "") != NULL, "none is left");
	end("B: 2\n\nbody\n", "both are gone");
	begin();
	header('m', 1, "A", "");
	CHECK(header('m', 2, "A", "") != NULL, "upwards the second is not found");
	end("B: 2\nA: 3\n\nbody\n", "and stays");
}

static void
test_body(void)
{
	begin();
	body("n\r");
	body("\nm\r\n");
	end("A: 1\nB: 2\nA: 3\n\nn\nm\n", "pieces of a new body");
	begin();
	body("");
	end("A: 1\nB: 2\nA: 3\n\n", "an empty one");
	begin();
	body("x\r\ny");
	end("A: 1\nB: 2\nA: 3\n\nx\ny\n", "one without its last line end");
	begin_with("A: 1\n");
	body("x\r\n");
	end("A: 1\n\nx\n", "one where there was none");
}

static void
test_envelope(void)
{
	begin();
	CHECK(text('+', "new@x") == NULL, "add a recipient");
	CHECK(text('+', "<new@x>") != NULL, "twice has no effect");
	CHECK(text('+', "<R@X>") != NULL, "nor has one that is there");
	CHECK(text('+', "") != NULL, "nor an empty one");
	CHECK(mta_edit_count_rcpts(&e) == 3, "three recipients");
	CHECK(text('-', "<R@x>") != NULL, "the spelling counts");
	CHECK(text('-', "r@x") == NULL, "brackets do not");
	CHECK(text('-', "<r@x>") != NULL, "it is gone");
	CHECK(mta_edit_count_rcpts(&e) == 2, "two recipients");
	text('e', "n@x");
	CHECK_STR(e.sender, "<n@x>", "a new sender");
	text('e', "<>");
	CHECK_STR(e.sender, "<>", "the null sender");
	text('q', "why");
	CHECK_STR(e.reason, "why", "quarantine");
	end(original, "the message is as it was");
}

int
main(void)
{
	test_add();
	test_insert();
	test_change();
	test_delete();
	test_body();
	test_envelope();
	return tap_done();
}
