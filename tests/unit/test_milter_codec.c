/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests milter/encode.h and milter/decode.h: writes and reads each packet as
 * literal bytes. The bytes that are read end before an unreadable page.
 */

#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/decode.h"
#include "milter/encode.h"
#include "milter/proto.h"
#include "tap.h"
#include "base/xmalloc.h"

#define HEX_MAX	512

static struct buf		 out;
static struct milter_packet	 pkt;
static struct milter_cmd	 cmd;
static struct milter_reply	 rep;
static const char		*why;

/* 1 if the packet, cut at any place, is found to be incomplete. */
static int
waits_when_cut(const unsigned char *bytes, size_t len)
{
	struct milter_packet	 p;
	size_t			 n, used;

	for (n = 0; n < len; n++)
		if (milter_frame(guarded(bytes, n), n, &p, &used) != MILTER_FRAME_MORE)
			return 0;
	return 1;
}

/* Sets pkt to the packet of these bytes. */
static void
frame(const char *hex, const char *name)
{
	unsigned char	 bytes[HEX_MAX];
	char		 text[200];
	size_t		 len = unhex(hex, bytes), used = 0;

	snprintf(text, sizeof(text), "%s: waits when cut off", name);
	CHECK(waits_when_cut(bytes, len), text);
	snprintf(text, sizeof(text), "%s: framed", name);
	CHECK(milter_frame(guarded(bytes, len), len, &pkt, &used) == MILTER_FRAME_OK &&
	    used == len && pkt.len == len - 5 && pkt.code == bytes[4], text);
}

/* Checks that out has these bytes, then sets pkt to their packet. */
static void
written(const char *hex, const char *name)
{
	unsigned char	 bytes[HEX_MAX];
	char		 text[200];
	size_t		 len = unhex(hex, bytes);

	snprintf(text, sizeof(text), "%s: written", name);
	CHECK_MEM(out.data, out.len, bytes, len, text);
	buf_reset(&out);
	frame(hex, name);
}

static void
written_cmd(const char *hex, const char *name)
{
	char	 text[200];

	written(hex, name);
	snprintf(text, sizeof(text), "%s: read", name);
	CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0 && cmd.code == pkt.code, text);
}

static void
written_reply(const char *hex, const char *name)
{
	char	 text[200];

	written(hex, name);
	snprintf(text, sizeof(text), "%s: read", name);
	CHECK(milter_dec_reply(&pkt, &rep, &why) == 0 && rep.code == pkt.code, text);
}

static void
test_optneg(void)
{
	static const char *const	 lists[SMFIM_COUNT] = {
		[SMFIM_CONNECT] = "j {client_addr}", [SMFIM_EOM] = "i" };
	const char			*names;
	uint32_t			 stage;

	milter_enc_optneg(&out, 6, 0x1ff, 0x1fffff, NULL);
	written_cmd("0000000d4f00000006000001ff001fffff", "an offer");
	CHECK(cmd.u.optneg.version == 6 && cmd.u.optneg.actions == 0x1ff &&
	    cmd.u.optneg.protocol == 0x1fffff, "an offer's words");
	frame("000000114f00000006000001ff001fffff 61626364", "a longer offer");
	CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0, "more bytes than needed are ignored");

	milter_enc_optneg(&out, 6, 0x31, 0x100500, NULL);
	written_reply("0000000d4f000000060000003100100500", "an answer");
	CHECK(rep.version == 6 && rep.actions == 0x31 && rep.protocol == 0x100500,
	    "an answer's words");
	CHECK(milter_next_symlist(&rep.symlists, &stage, &names) == 0, "without lists");

	milter_enc_optneg(&out, 6, 0x121, 0x400, lists);
	written_reply("000000274f000000060000012100000400"
	    "00000000 6a207b636c69656e745f616464727d00 00000005 6900", "an answer with lists");
	CHECK(milter_next_symlist(&rep.symlists, &stage, &names) == 1 && stage == 0,
	    "the first list");
	CHECK_STR(names, "j {client_addr}", "its names");
	CHECK(milter_next_symlist(&rep.symlists, &stage, &names) == 1 && stage == 5,
	    "the second list");
	CHECK_STR(names, "i", "its name");
	CHECK(milter_next_symlist(&rep.symlists, &stage, &names) == 0, "and no third");
}

static void
test_connect(void)
{
	milter_enc_connect(&out, "mail.example", '4', 54321, "192.0.2.1");
	written_cmd("0000001b43 6d61696c2e6578616d706c6500 34 d431 3139322e302e322e3100",
	    "an IPv4 client");
	CHECK_STR(cmd.u.connect.host, "mail.example", "its host");
	CHECK_STR(cmd.u.connect.address, "192.0.2.1", "its address");
	CHECK(cmd.u.connect.family == '4' && cmd.u.connect.port == 54321, "its port");

	milter_enc_connect(&out, "[2001:db8::1]", '6', 25, "2001:db8::1");
	written_cmd("0000001e43 5b323030313a6462383a3a315d00 36 0019"
	    "323030313a6462383a3a3100", "an IPv6 client");
	CHECK_STR(cmd.u.connect.address, "2001:db8::1", "its address");

	milter_enc_connect(&out, "[IPv6:2001:db8:0:0:0:0:0:1]", '6', 25,
	    "IPv6:2001:db8:0:0:0:0:0:1");
	written_cmd("0000003a43 5b495076363a323030313a6462383a303a303a303a303a303a315d00 36 0019"
	    "495076363a323030313a6462383a303a303a303a303a303a3100",
	    "an IPv6 client of Sendmail");
	CHECK_STR(cmd.u.connect.address, "IPv6:2001:db8:0:0:0:0:0:1", "its address");
	CHECK(cmd.u.connect.family == '6' && cmd.u.connect.port == 25, "its port");

	milter_enc_connect(&out, "localhost", 'U', 0, NULL);
	written_cmd("0000000c43 6c6f63616c686f737400 55", "an unknown client");
	CHECK(cmd.u.connect.address == NULL && cmd.u.connect.port == 0, "has no address");
	frame("0000000d43 6c6f63616c686f737400 55 00", "an unknown client and a NUL");
	CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0, "is tolerated");

	milter_enc_connect(&out, "h", 'L', 0, "/a");
	written_cmd("0000000943 6800 4c 0000 2f6100", "a local client");
	CHECK_STR(cmd.u.connect.address, "/a", "its path");
}

static void
test_envelope(void)
{
	static const char *const	 size[] = { "SIZE=10" };
	static const char *const	 two[] = { "A=1", "" };

	milter_enc_envelope(&out, SMFIC_MAIL, "<a@x.test>", size, 1);
	written_cmd("000000144d 3c6140782e746573743e00 53495a453d313000", "a sender");
	CHECK_STR(cmd.u.envelope.address, "<a@x.test>", "its address");
	CHECK_STR(milter_next_arg(&cmd.u.envelope.args), "SIZE=10", "its parameter");
	CHECK(milter_next_arg(&cmd.u.envelope.args) == NULL, "and no other");

	milter_enc_envelope(&out, SMFIC_MAIL, "<>", NULL, 0);
	written_cmd("000000044d 3c3e00", "the null sender");
	CHECK_STR(cmd.u.envelope.address, "<>", "in brackets");
	milter_enc_envelope(&out, SMFIC_MAIL, "", NULL, 0);
	written_cmd("000000024d 00", "the null sender of local mail");
	CHECK_STR(cmd.u.envelope.address, "", "without");

	milter_enc_envelope(&out, SMFIC_RCPT, "<c@y.test>", NULL, 0);
	written_cmd("0000000c52 3c6340792e746573743e00", "a recipient");
	CHECK(milter_next_arg(&cmd.u.envelope.args) == NULL, "without parameters");
	milter_enc_envelope(&out, SMFIC_RCPT, "c", two, 2);
	written_cmd("0000000852 6300 413d3100 00", "a recipient with two parameters");
	CHECK_STR(milter_next_arg(&cmd.u.envelope.args), "A=1", "the first");
	CHECK_STR(milter_next_arg(&cmd.u.envelope.args), "", "the second, empty");
	CHECK(milter_next_arg(&cmd.u.envelope.args) == NULL, "no third");
}

static void
test_text_commands(void)
{
	milter_enc_helo(&out, "cl.example");
	written_cmd("0000000c48 636c2e6578616d706c6500", "helo");
	CHECK_STR(cmd.u.helo.arg, "cl.example", "its argument");

	milter_enc_header(&out, "X-Fold", "l1\n\tl2");
	written_cmd("0000000f4c 582d466f6c6400 6c310a096c3200", "a folded header");
	CHECK_STR(cmd.u.header.name, "X-Fold", "its name");
	CHECK_STR(cmd.u.header.value, "l1\n\tl2", "its value");
	frame("000000084c 5800 6100 620063", "a header with a third string");
	CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0, "which is ignored");
	milter_enc_header(&out, "X", "");
	written_cmd("000000044c 5800 00", "an empty header");
	CHECK_STR(cmd.u.header.value, "", "its value");

	milter_enc_unknown(&out, "FOO bar");
	written_cmd("0000000955 464f4f2062617200", "an unknown command");
	CHECK_STR(cmd.u.unknown.line, "FOO bar", "its line");
}

static void
test_plain_commands(void)
{
	static const char	 codes[] = { SMFIC_DATA, SMFIC_EOH, SMFIC_BODYEOB,
		SMFIC_ABORT, SMFIC_QUIT, SMFIC_QUIT_NC };
	char			 hex[20], name[] = "command ?";
	size_t			 i;

	for (i = 0; i < nitems(codes); i++) {
		snprintf(hex, sizeof(hex), "00000001%02x", codes[i]);
		name[8] = codes[i];
		milter_enc_simple(&out, codes[i]);
		written_cmd(hex, name);
	}
	milter_enc_raw(&out, SMFIC_BODY, "hi\r\n", 4);
	written_cmd("0000000542 68690d0a", "a piece of the body");
	CHECK_MEM(cmd.u.body.data, cmd.u.body.len, "hi\r\n", 4, "its bytes");
	milter_enc_raw(&out, SMFIC_BODYEOB, "\0x", 2);
	written_cmd("0000000345 0078", "the end with a piece");
	CHECK_MEM(cmd.u.body.data, cmd.u.body.len, "\0x", 2, "its bytes");
}

static void
test_macros(void)
{
	static const struct milter_pair	 pairs[] = {
		{ "j", "mx.example" }, { "{daemon_name}", "MTA" } };
	static const struct milter_pair	 empty[] = { { "{mail_addr}", "" } };
	const char			*name, *value;

	milter_enc_macros(&out, SMFIC_CONNECT, pairs, 2);
	written_cmd("0000002144 43 6a00 6d782e6578616d706c6500"
	    "7b6461656d6f6e5f6e616d657d00 4d544100", "macros");
	CHECK(cmd.u.macro.stage == SMFIC_CONNECT, "their stage");
	CHECK(milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 1, "the first");
	CHECK_STR(name, "j", "its name");
	CHECK_STR(value, "mx.example", "its value");
	CHECK(milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 1, "the second");
	CHECK_STR(name, "{daemon_name}", "its name");
	CHECK_STR(value, "MTA", "its value");
	CHECK(milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 0, "no third");
	CHECK(milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 0, "nor a fourth");

	milter_enc_macros(&out, SMFIC_MAIL, empty, 1);
	written_cmd("0000000f44 4d 7b6d61696c5f616464727d00 00", "an empty macro");
	CHECK(milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 1, "is there");
	CHECK_STR(value, "", "and is empty");
	milter_enc_macros(&out, SMFIC_HELO, NULL, 0);
	written_cmd("0000000244 48", "no macros");
	CHECK(milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 0, "has none");
	frame("0000000844 48 6100 6200 6300", "an odd number of strings");
	CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0 &&
	    milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 1 &&
	    milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 0, "drops the last");
	frame("0000000644 48 6100 6263", "a value without its NUL");
	CHECK(milter_dec_cmd(&pkt, &cmd, &why) == 0 &&
	    milter_next_macro(&cmd.u.macro.pairs, &name, &value) == 0, "is dropped");
}

static void
test_header_replies(void)
{
	milter_enc_add_header(&out, "X-S", "yes");
	written_reply("0000000968 582d5300 79657300", "add header");
	CHECK_STR(rep.name, "X-S", "its name");
	CHECK_STR(rep.text, "yes", "its value");
	milter_enc_insert_header(&out, 1, "X-S", "yes");
	written_reply("0000000d69 00000001 582d5300 79657300", "insert header");
	CHECK(rep.index == 1, "its index");
	CHECK_STR(rep.name, "X-S", "its name");
	CHECK_STR(rep.text, "yes", "its value");
	milter_enc_change_header(&out, 2, "X-S", "");
	written_reply("0000000a6d 00000002 582d5300 00", "delete header");
	CHECK(rep.index == 2, "its index");
	CHECK_STR(rep.text, "", "its empty value");
	milter_enc_change_header(&out, 0x7fffffff, "a", "b");
	written_reply("000000096d 7fffffff 6100 6200", "the largest index");
	CHECK(rep.index == 0x7fffffff, "read again");
}

static void
test_address_replies(void)
{
	milter_enc_add_rcpt(&out, "<r@x.test>", NULL);
	written_reply("0000000c2b 3c7240782e746573743e00", "add recipient");
	CHECK_STR(rep.text, "<r@x.test>", "its address");
	milter_enc_add_rcpt(&out, "<r@x.test>", "NOTIFY=NEVER");
	written_reply("0000001932 3c7240782e746573743e00 4e4f544946593d4e4556455200",
	    "add recipient with arguments");
	CHECK_STR(rep.args, "NOTIFY=NEVER", "its arguments");
	frame("0000000432 613e00", "a 2 without arguments");
	CHECK(milter_dec_reply(&pkt, &rep, &why) == 0 && rep.args == NULL, "is one too");
	milter_enc_del_rcpt(&out, "<r@x.test>");
	written_reply("0000000c2d 3c7240782e746573743e00", "delete recipient");
	CHECK_STR(rep.text, "<r@x.test>", "its address");
	milter_enc_change_from(&out, "<>", NULL);
	written_reply("0000000465 3c3e00", "change sender");
	CHECK_STR(rep.text, "<>", "its address");
	CHECK(rep.args == NULL, "without arguments");
	milter_enc_change_from(&out, "<n@x.test>", "RET=HDRS ENVID=q1");
	written_reply("0000001e65 3c6e40782e746573743e00"
	    "5245543d4844525320454e5649443d713100", "change sender with arguments");
	CHECK_STR(rep.args, "RET=HDRS ENVID=q1", "its arguments");
}

static void
test_other_replies(void)
{
	static const char	 codes[] = "cadrstp4";
	char			 hex[20], name[] = "reply ?";
	size_t			 i;

	for (i = 0; codes[i] != '\0'; i++) {
		snprintf(hex, sizeof(hex), "00000001%02x", codes[i]);
		name[6] = codes[i];
		milter_enc_simple(&out, codes[i]);
		written_reply(hex, name);
	}
	milter_enc_replycode(&out, "554-5.7.1 no\r\n554 5.7.1 100%% sure");
	written_reply("0000002479 3535342d352e372e31206e6f0d0a"
	    "35353420352e372e31203130302525207375726500", "a reply of two lines");
	CHECK_STR(rep.text, "554-5.7.1 no\r\n554 5.7.1 100%% sure", "its text");
	milter_enc_quarantine(&out, "spam");
	written_reply("0000000671 7370616d00", "quarantine");
	CHECK_STR(rep.text, "spam", "its reason");
	milter_enc_body_replies(&out, "new\r\n", 5);
	written_reply("0000000662 6e65770d0a", "replace body");
	CHECK_MEM(rep.body, rep.body_len, "new\r\n", 5, "its bytes");
	milter_enc_body_replies(&out, NULL, 0);
	written_reply("0000000162", "an empty body");
	CHECK(rep.body_len == 0, "has no bytes");
}

/* Checks that a body of len bytes is in packets of 65535 bytes, the last one shorter. */
static void
check_body_split(size_t len, size_t npackets)
{
	unsigned char	*body = xcalloc(len, 1);
	size_t		 at = 0, used, total = 0, n = 0, i;

	for (i = 0; i < len; i++)
		body[i] = (unsigned char)(i % 253);
	milter_enc_body_replies(&out, body, len);
	while (at < out.len && milter_frame(out.data + at, out.len - at, &pkt, &used) ==
	    MILTER_FRAME_OK && pkt.code == SMFIR_REPLBODY &&
	    memcmp(pkt.data, body + total, pkt.len) == 0) {
		at += used;
		total += pkt.len;
		n++;
	}
	CHECK(at == out.len && total == len && n == npackets, "a body in pieces");
	free(body);
	buf_reset(&out);
}

static void
test_large(void)
{
	static char	 text[MILTER_MAX_DATA + 1];
	size_t		 used = 0;

	memset(text, 'x', MILTER_MAX_DATA);
	milter_enc_raw(&out, SMFIC_BODY, text, MILTER_MAX_DATA);
	CHECK(buf_ok(&out) && out.len == 65540 &&
	    memcmp(out.data, "\0\1\0\0B", 5) == 0, "65535 bytes of data are written");
	CHECK(milter_frame(out.data, out.len, &pkt, &used) == MILTER_FRAME_OK &&
	    used == 65540 && pkt.len == 65535, "and read");
	milter_enc_raw(&out, SMFIC_BODY, text, MILTER_MAX_DATA + 1);
	CHECK(!buf_ok(&out) && out.len == 65540, "65536 are not, nor half of them");
	buf_reset(&out);
	text[MILTER_MAX_DATA - 3] = '\0';
	milter_enc_add_header(&out, "a", text);
	CHECK(buf_ok(&out), "the largest header");
	milter_enc_add_header(&out, "ab", text);
	CHECK(!buf_ok(&out), "a header too large");
	buf_reset(&out);
	milter_enc_connect(&out, "a", '4', 65536, "b");
	CHECK(!buf_ok(&out) && out.len == 0, "a port too large");
	buf_reset(&out);
	check_body_split(65535, 1);
	check_body_split(65536, 2);
	check_body_split(200000, 4);
}

static void
test_out_maximum(void)
{
	struct buf	 small;

	buf_init(&small, 12);
	milter_enc_simple(&small, SMFIR_CONTINUE);
	milter_enc_quarantine(&small, "x");
	CHECK(buf_ok(&small) && small.len == 12, "packets up to the maximum of a buffer");
	milter_enc_simple(&small, SMFIR_CONTINUE);
	CHECK(!buf_ok(&small) && small.len == 12, "and none beyond it");
	buf_free(&small);
}

int
main(void)
{
	buf_init(&out, 1024 * 1024);
	test_optneg();
	test_connect();
	test_envelope();
	test_text_commands();
	test_plain_commands();
	test_macros();
	test_header_replies();
	test_address_replies();
	test_other_replies();
	test_large();
	test_out_maximum();
	buf_free(&out);
	return tap_done();
}
