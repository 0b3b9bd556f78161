/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes transcript/transcript.h: a transcript that can be read is written
 * again from its packets, and must give the same packets again.
 */

#include "base/compat.h"

#include <stdlib.h>
#include <string.h>

#include "transcript/transcript.h"

#define MAX	((size_t)64 << 20)

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
read_packets(const void *p, size_t len, struct buf *out)
{
	struct transcript_file	 f;
	const char		*why;
	char			*copy = malloc(len + 1);
	size_t			 i, line;
	int			 ok;

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, p, len);
	ok = transcript_parse(&f, copy, len, &line, &why) == 0;
	for (i = 0; ok && i < f.nitems; i++)
		transcript_encode(&f, &f.items[i], SMFIP_HDR_LEADSPC, out);
	transcript_file_free(&f);
	return ok;
}

static void
write_packets(const struct buf *packets, struct buf *text)
{
	struct transcript	 t;
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 from = 0, used;

	transcript_init(&t);
	for (; milter_frame(packets->data + from, packets->len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used) {
		t.protocol = SMFIP_HDR_LEADSPC;
		if (milter_dec_cmd(&pkt, &cmd, &why) == -1)
			abort();
		transcript_command(&t, &cmd, text);
	}
	/* Macros without an event are written at the end. */
	if (t.stage != 0)
		transcript_end(&t, "closed", text);
	if (!buf_ok(text))
		abort();
	transcript_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct buf	 once, twice, text;

	buf_init(&once, MAX);
	buf_init(&twice, MAX);
	buf_init(&text, MAX);
	if (read_packets(in, len, &once) && once.len > 0) {
		write_packets(&once, &text);
		if (!read_packets(text.data, text.len, &twice) || twice.len != once.len ||
		    memcmp(once.data, twice.data, once.len) != 0)
			abort();
	}
	buf_free(&once);
	buf_free(&twice);
	buf_free(&text);
	return 0;
}
