/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* system/control_msg.h: what is encoded comes back, and nothing else is taken. */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "system/control_msg.h"
#include "tap.h"

static struct control_msg	 in, out;

/* Encodes `in', and decodes len bytes less from a block of their own, so that reads beyond are seen. */
static int
round_trip(size_t less)
{
	struct buf	 b;
	unsigned char	*copy;
	int		 ret;

	buf_init(&b, CONTROL_MAX_MSG);
	control_msg_enc(&b, &in);
	if (!buf_ok(&b) || b.len < less)
		abort();
	if ((copy = malloc(b.len - less + 1)) == NULL)
		abort();
	memcpy(copy, b.data, b.len - less);
	ret = control_msg_dec(copy, b.len - less, &out);
	buf_free(&b);
	free(copy);
	return ret;
}

static void
test_handler(void)
{
	static char	 name[] = "a\033\"b";
	struct buf	 b;
	size_t		 less, bad = 0;

	memset(&in, 0, sizeof(in));
	in.type = CONTROL_HANDLER;
	in.text[0] = name;
	in.u.handler.limit = UINT64_MAX;
	in.u.handler.numbers.events[EV_COUNT - 1].buckets[NUMBERS_BUCKETS - 1] = UINT64_C(1) << 40;
	buf_init(&b, CONTROL_MAX_MSG);
	control_msg_enc(&b, &in);
	CHECK(control_msg_dec(b.data, b.len, &out) == 0 && out.type == CONTROL_HANDLER,
	    "a handler");
	CHECK_STR(out.text[0], name, "its name");
	CHECK(memcmp(&in.u.handler, &out.u.handler, sizeof(in.u.handler)) == 0, "its numbers");
	buf_add_u8(&b, 0);
	CHECK(control_msg_dec(b.data, b.len, &out) == -1, "nothing may follow");
	for (less = 1; less < b.len; less++)
		bad += round_trip(less) != -1;
	CHECK(bad == 0, "nothing may be missing");
	buf_free(&b);
}

int
main(void)
{
	enum control_type	 type;
	unsigned int		 i, bad = 0;

	for (type = CONTROL_END; type < CONTROL_TYPES; type++) {
		memset(&in, 0, sizeof(in));
		in.type = type;
		bad += round_trip(0) == -1 || out.type != type;
		for (i = 0; i < control_msg_texts(type); i++)
			bad += out.text[i] == NULL;
	}
	CHECK(bad == 0, "all types");
	test_handler();
	CHECK(control_msg_dec("", 0, &out) == -1 && control_msg_dec("\377", 1, &out) == -1,
	    "an unknown type, and none");
	return tap_done();
}
