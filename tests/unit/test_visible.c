/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* ctl/visible.h: what comes from outside does nothing to a terminal, and JSON stays UTF-8. */

#include "base/compat.h"

#include <string.h>

#include "ctl/visible.h"
#include "tap.h"

static void
check(void (*add)(struct buf *, const char *), const char *in, const char *expected)
{
	struct buf	 b;

	buf_init(&b, 4096);
	add(&b, in);
	buf_add_u8(&b, 0);
	CHECK_STR((char *)b.data, expected, "visible");
	buf_free(&b);
}

int
main(void)
{
	check(visible_add, "plain text, 1~", "plain text, 1~");
	check(visible_add, "", "");
	check(visible_add, "a\\b", "a\\\\b");
	check(visible_add, "\033[31m\r\n\t\177", "\\033[31m\\015\\012\\011\\177");
	check(visible_add, "\303\244\342\202\254\360\237\222\214", "\303\244\342\202\254\360\237\222\214");
	/* C1 control characters, as a byte and as UTF-8; and a change of direction. */
	check(visible_add, "\233", "\\233");
	check(visible_add, "\302\233", "\\302\\233");
	check(visible_add, "\342\200\256", "\\342\\200\\256");
	/* Too long, a surrogate, beyond Unicode, and cut off. */
	check(visible_add, "\300\257", "\\300\\257");
	check(visible_add, "\340\200\257", "\\340\\200\\257");
	check(visible_add, "\355\240\200", "\\355\\240\\200");
	check(visible_add, "\364\220\200\200", "\\364\\220\\200\\200");
	check(visible_add, "\342\202", "\\342\\202");
	check(visible_add_utf8, "a\\\033\303\244\377b", "a\\\033\303\244\357\277\275b");
	check(visible_add_utf8, "\342\202", "\357\277\275\357\277\275");
	return tap_done();
}
