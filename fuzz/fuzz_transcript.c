/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Fuzzes transcript/: a transcript that can be read is written again from its
 * packets, with answers of our own. That one must give the same packets, an answer
 * wherever one was written, and the same text once more.
 */

#include "base/compat.h"

#include "fuzz.h"
#include "transcript/transcript.h"

#define MAX	((size_t)64 << 20)

/* What is agreed on: all events have answers. */
#define PROTOCOL	SMFIP_HDR_LEADSPC

struct reading {
	struct transcript_file	 file;
	struct buf		 packets;
};

static int
reading_open(struct reading *r, const void *p, size_t len)
{
	struct input	 in = { .p = p, .left = len };
	const char	*why = NULL;
	size_t		 i, line;
	int		 ok;

	buf_init(&r->packets, MAX);
	ok = transcript_parse(&r->file, take_rest(&in, &len), len, &line, &why) == 0;
	CHECK(ok == (why == NULL));
	for (i = 0; ok && i < r->file.nitems; i++)
		transcript_encode(&r->file, &r->file.items[i], PROTOCOL, &r->packets);
	CHECK(buf_ok(&r->packets));
	return ok;
}

static void
reading_close(struct reading *r)
{
	transcript_file_free(&r->file);
	buf_free(&r->packets);
}

/* An answer that the protocol allows; which one depends on where it stands. */
static void
make_answer(struct buf *b, int command, size_t n)
{
	static const char *const	 symlists[SMFIM_COUNT] = { "j {x}", [SMFIM_EOM] = "" };

	if (command == SMFIC_OPTNEG) {
		milter_enc_optneg(b, 6, SMFIF_V6, PROTOCOL, n % 2 ? symlists : NULL);
		return;
	}
	if (command == SMFIC_BODYEOB && n % 3 == 0) {
		milter_enc_simple(b, SMFIR_PROGRESS);
		milter_enc_insert_header(b, 1, "X", " a\n b");
		milter_enc_add_header(b, "Y", "no space");
		milter_enc_change_header(b, 2, "Z", n % 2 ? "" : " v\\");
		milter_enc_change_from(b, "<a@b>", n % 2 ? "RET=HDRS" : NULL);
		milter_enc_add_rcpt(b, "c@d", n % 2 ? NULL : "NOTIFY=NEVER");
		milter_enc_del_rcpt(b, "<e>");
		milter_enc_body_replies(b, "x\ny", n % 4);
		milter_enc_quarantine(b, "why\1");
	}
	if (n % 5 == 0)
		milter_enc_replycode(b, n % 2 ? "550-5.7.1 a\r\n550 5.7.1 100%%" : "421 4.7.0 x");
	else
		milter_enc_simple(b, "carts"[n % 5]);
}

static void
write_answer(struct transcript *t, int command, size_t n, struct buf *text)
{
	struct milter_packet	 pkt;
	struct milter_reply	 reply;
	struct buf		 b;
	const char		*why;
	size_t			 from, used;

	buf_init(&b, MAX);
	make_answer(&b, command, n);
	for (from = 0; from < b.len && milter_frame(b.data + from, b.len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used) {
		CHECK(milter_dec_reply(&pkt, &reply, &why) == 0);
		transcript_reply(t, &reply, text);
	}
	buf_free(&b);
}

static void
write_item(struct transcript *t, struct reading *r, size_t n, struct buf *text)
{
	const struct transcript_item	*it = &r->file.items[n];
	struct milter_packet		 pkt;
	struct milter_cmd		 cmd;
	struct buf			 b;
	const char			*why;
	size_t				 from, used;

	buf_init(&b, MAX);
	transcript_encode(&r->file, it, PROTOCOL, &b);
	for (from = 0; from < b.len && milter_frame(b.data + from, b.len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used) {
		CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0);
		transcript_command(t, &cmd, text);
	}
	CHECK(from == b.len);
	buf_free(&b);
	/* After macros alone it may still be what was negotiated. */
	if (t->waiting != 0 && t->waiting == it->command)
		write_answer(t, it->command, n, text);
}

/* Each connection has a writer of its own. */
static void
write_all(struct reading *r, struct buf *text)
{
	struct transcript	 t;
	size_t			 i;

	transcript_init(&t);
	for (i = 0; i < r->file.nitems; i++) {
		write_item(&t, r, i, text);
		if (r->file.items[i].closed)
			transcript_end(&t, "closed", text);
		else if (r->file.items[i].command == SMFIC_QUIT_NC)
			transcript_next(&t);
		if (r->file.items[i].command == SMFIC_QUIT) {
			transcript_free(&t);
			transcript_init(&t);
		}
	}
	/* Macros without an event are written at the end. */
	if (t.stage != 0)
		transcript_end(&t, "closed", text);
	transcript_free(&t);
	CHECK(buf_ok(text));
}

static void
check_same(const struct buf *a, const struct buf *b)
{
	CHECK(a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0));
}

static void
check_again(struct reading *once)
{
	struct reading	 twice;
	struct buf	 text, again;
	size_t		 i;

	buf_init(&text, MAX);
	buf_init(&again, MAX);
	write_all(once, &text);
	CHECK(reading_open(&twice, text.data, text.len));
	check_same(&once->packets, &twice.packets);
	for (i = 0; i < twice.file.nitems; i++)
		CHECK(twice.file.items[i].wants_reply == twice.file.items[i].answered);
	write_all(&twice, &again);
	check_same(&text, &again);
	reading_close(&twice);
	buf_free(&text);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct reading	 once;

	if (reading_open(&once, in, len) && once.packets.len > 0)
		check_again(&once);
	reading_close(&once);
	return 0;
}
