/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Fuzzes reply/decode.h. The first byte chooses the size of the pieces. */

#include "base/compat.h"

#include <stdlib.h>

#include "reply/decode.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct reply_limits	 limits = { .max_line = 300, .max_body = 500 };
	struct reply_dec	*d;
	struct action		*a;
	enum reply_item		 item = REPLY_MORE;
	size_t			 piece, used;

	if (len == 0)
		return 0;
	piece = (size_t)*in++ % 40 + 1;
	limits.keep_newlines = piece % 2 == 0;
	d = reply_dec_new(&limits);
	for (len--; len > 0 && item <= REPLY_ACTION; in += used, len -= used) {
		item = reply_dec_feed(d, in, len < piece ? len : piece, &used, &a);
		action_free(a);
	}
	while (reply_dec_eof(d, &a) == REPLY_ACTION)
		action_free(a);
	reply_dec_free(d);
	return 0;
}
