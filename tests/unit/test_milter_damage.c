/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/* Tests milter/decode.h with damaged packets, each before an unreadable page. */

#include "base/compat.h"

#include <string.h>

#include "milter/decode.h"
#include "milter/proto.h"
#include "tap.h"

#define HEX_MAX	512

static struct milter_packet	 pkt;
static struct milter_cmd	 cmd;
static struct milter_reply	 rep;
static const char		*why;

static void
test_bad_frames(void)
{
	static const char *const	 bad[] = { "00000000", "0000000041", "00010001",
		"0001000142", "80000000", "80000001", "8000000141", "ffffffff",
		"7fffffff41", "00100000" };
	unsigned char			 bytes[HEX_MAX];
	size_t				 i, n, used;

	for (i = 0; i < nitems(bad); i++) {
		n = unhex(bad[i], bytes);
		CHECK(milter_frame(guarded(bytes, n), n, &pkt, &used) == MILTER_FRAME_BAD,
		    bad[i]);
	}
	n = unhex("00010000", bytes);
	CHECK(milter_frame(guarded(bytes, n), n, &pkt, &used) == MILTER_FRAME_MORE,
	    "65536 is a length to wait for");
	CHECK(milter_frame(NULL, 0, &pkt, &used) == MILTER_FRAME_MORE, "nothing");
	n = unhex("0000000154 000000014e", bytes);
	CHECK(milter_frame(guarded(bytes, n), n, &pkt, &used) == MILTER_FRAME_OK &&
	    used == 5 && pkt.code == SMFIC_DATA, "the first of two packets");
}

/* Sets pkt to a packet of this code and data. */
static void
packet_of(const char *hex)
{
	unsigned char	 bytes[HEX_MAX];
	size_t		 len = unhex(hex, bytes);

	pkt.code = bytes[0];
	pkt.len = len - 1;
	pkt.data = guarded(bytes + 1, pkt.len);
	why = NULL;
}

static void
test_bad_commands(void)
{
	static const char *const	 bad[] = { "5a", "00", "63",
		"4f", "4f 00000006000001ff001fff", "44",
		"43", "43 6100", "43 34", "43 6100 34",
		"43 6100 34 0019 6162", "43 6100 34 0019",
		"43 6100 35 0019 00", "43 6100 00 0019 00",
		"48", "48 6162", "4d", "4d 6162",
		"4d 6100 6263", "52", "52 6162",
		"52 6100 6263", "4c", "4c 6100",
		"4c 6162", "4c 6100 6263", "4c 00 6200",
		"42", "55", "55 6162" };
	size_t				 i;

	for (i = 0; i < nitems(bad); i++) {
		packet_of(bad[i]);
		CHECK(milter_dec_cmd(&pkt, &cmd, &why) == -1 && why != NULL, bad[i]);
	}
}

static void
test_bad_replies(void)
{
	static const char *const	 bad[] = { "66", "6c", "00",
		"5a", "42", "63 00", "61 00",
		"64 00", "72 00", "73 00", "74 00",
		"70 00", "34 00", "79", "79 353534",
		"79 35353400 00", "71", "71 6162",
		"68 6100", "68 610062",
		"68 610062 0063", "69 0000", "69 00000001",
		"69 00000001 6100", "69 00000001 6100 6200 00",
		"6d 00000001 6100 62", "2b", "2b 6162",
		"2b 6100 62", "2d 6100 62", "65",
		"65 6100 6263", "65 6100 6200 6300", "32",
		"32 6100 6200 63 00", "4f", "4f 00000006000001ff001fff" };
	size_t				 i;

	for (i = 0; i < nitems(bad); i++) {
		packet_of(bad[i]);
		CHECK(milter_dec_reply(&pkt, &rep, &why) == -1 && why != NULL, bad[i]);
	}
}

static void
test_bad_symlists(void)
{
	static const char *const	 bad[] = { "000000", "00000001", "00000001 6a" };
	unsigned char			 bytes[HEX_MAX];
	const char			*names;
	struct rd			 r;
	uint32_t			 stage;
	size_t				 i, n;

	for (i = 0; i < nitems(bad); i++) {
		n = unhex(bad[i], bytes);
		rd_init(&r, guarded(bytes, n), n);
		CHECK(milter_next_symlist(&r, &stage, &names) == -1 &&
		    milter_next_symlist(&r, &stage, &names) == -1, "a damaged macro list");
	}
}

/* Reads everything that a decoded command or reply points to. */
static size_t
walk(const struct milter_packet *p)
{
	const char	*a, *b;
	size_t		 n = 0;
	uint32_t	 stage;

	if (milter_dec_cmd(p, &cmd, &why) == 0) {
		while (cmd.code == SMFIC_MACRO &&
		    milter_next_macro(&cmd.u.macro.pairs, &a, &b))
			n += strlen(a) + strlen(b);
		while ((cmd.code == SMFIC_MAIL || cmd.code == SMFIC_RCPT) &&
		    (a = milter_next_arg(&cmd.u.envelope.args)) != NULL)
			n += strlen(a);
		if (cmd.code == SMFIC_HEADER)
			n += strlen(cmd.u.header.name) + strlen(cmd.u.header.value);
	}
	if (milter_dec_reply(p, &rep, &why) == 0) {
		n += rep.name == NULL ? 0 : strlen(rep.name);
		n += rep.text == NULL ? 0 : strlen(rep.text);
		n += rep.args == NULL ? 0 : strlen(rep.args);
		while (milter_next_symlist(&rep.symlists, &stage, &a) == 1)
			n += strlen(a);
	}
	return n;
}

/*
 * Tests each code with data that is cut anywhere: reading one byte too many
 * ends this program.
 */
static void
test_cut_anywhere(void)
{
	static const char	 data[] = "\0\0\0\1ab\0" "4\0\0c\0\0de\0f\0\0\0\5gh\0\0\0\0\0i";
	struct milter_packet	 p;
	size_t			 from, to, n = 0;
	unsigned int		 code;

	for (code = 0; code < 256; code++)
		for (from = 0; from < sizeof(data); from++)
			for (to = from; to < sizeof(data); to += 1 + code % 3) {
				p.code = (uint8_t)code;
				p.len = to - from;
				p.data = guarded(data + from, p.len);
				n += walk(&p);
			}
	CHECK(n > 0, "every code with data cut anywhere");
}

int
main(void)
{
	test_bad_frames();
	test_bad_commands();
	test_bad_replies();
	test_bad_symlists();
	test_cut_anywhere();
	return tap_done();
}
