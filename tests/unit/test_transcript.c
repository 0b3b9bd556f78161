/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * Tests transcript/transcript.h: packets are written as a transcript and read
 * again, and must be the same byte by byte.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "transcript/transcript.h"

#define MAX	((size_t)4 << 20)

static struct transcript	 t;
static struct buf		 sent, text;	/* packets of the MTA; the transcript */

static void
begin(void)
{
	transcript_init(&t);
	buf_init(&sent, MAX);
	buf_init(&text, MAX);
}

/* Gives the packets from this offset on to the writer. */
static void
tell(size_t from)
{
	struct milter_packet	 pkt;
	struct milter_cmd	 cmd;
	const char		*why;
	size_t			 used;

	for (; milter_frame(sent.data + from, sent.len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used)
		if (milter_dec_cmd(&pkt, &cmd, &why) == 0)
			transcript_command(&t, &cmd, &text);
		else
			CHECK(0, why);
}

static void
answer_packets(struct buf *b)
{
	struct milter_packet	 pkt;
	struct milter_reply	 r;
	const char		*why;
	size_t			 from = 0, used;

	for (; milter_frame(b->data + from, b->len - from, &pkt, &used) ==
	    MILTER_FRAME_OK; from += used)
		if (milter_dec_reply(&pkt, &r, &why) == 0)
			transcript_reply(&t, &r, &text);
		else
			CHECK(0, why);
	buf_free(b);
}

static void
answer(int code)
{
	struct buf	 b;

	if (t.waiting == 0)
		return;
	buf_init(&b, MAX);
	milter_enc_simple(&b, code);
	answer_packets(&b);
}

static void
negotiate(uint32_t protocol)
{
	const char	*lists[SMFIM_COUNT] = { [SMFIM_RCPT] = "{a} b" };
	struct buf	 b;
	size_t		 from = sent.len;

	milter_enc_optneg(&sent, 6, 0x1ff, 0x1fffff, NULL);
	tell(from);
	buf_init(&b, MAX);
	milter_enc_optneg(&b, 6, 0x1ff, protocol, lists);
	answer_packets(&b);
}

static int
parse(struct transcript_file *f, const void *p, size_t len, size_t *line, const char **why)
{
	char	*copy = malloc(len + 1);

	memcpy(copy, p, len);
	return transcript_parse(f, copy, len, line, why);
}

/*
 * Reads and encodes the transcript: the packets must be those that were sent.
 * Frees everything.
 */
static void
end(uint32_t protocol, const char *name)
{
	struct transcript_file	 f;
	struct buf		 out;
	const char		*why = NULL;
	size_t			 i, line;

	CHECK(parse(&f, text.data, text.len, &line, &why) == 0, name);
	CHECK(why == NULL, why == NULL ? name : why);
	buf_init(&out, MAX);
	for (i = 0; i < f.nitems; i++)
		transcript_encode(&f, &f.items[i], protocol, &out);
	CHECK_MEM(out.data, out.len, sent.data, sent.len, name);
	transcript_file_free(&f);
	buf_free(&out);
	buf_free(&sent);
	buf_free(&text);
	transcript_free(&t);
}

#define SEND(call)	do {			\
	size_t	 from_ = sent.len;		\
	call;					\
	tell(from_);				\
} while (0)

static const struct milter_pair	 pairs[] = {
	{ "j", "mx" }, { "{mail_addr}", " a\n\\b " }, { "{x}", "" }, { "_", "\x7f\x01#" },
};
static const char *const	 args[] = { "SIZE=1", "", " \t#\r\n" };

static void
message(uint32_t protocol)
{
	int	 lead = (protocol & SMFIP_HDR_LEADSPC) != 0;

	SEND(milter_enc_macros(&sent, 'M', pairs, 4));
	SEND(milter_enc_envelope(&sent, 'M', "<a@B.Ex>", args, 3));
	answer('c');
	SEND(milter_enc_macros(&sent, 'R', NULL, 0));
	SEND(milter_enc_envelope(&sent, 'R', "odd address", NULL, 0));
	answer('r');
	SEND(milter_enc_simple(&sent, 'T'));
	answer('c');
	SEND(milter_enc_header(&sent, "A", lead ? " one" : "one"));
	answer('c');
	SEND(milter_enc_header(&sent, "B", "none"));
	answer('c');
	SEND(milter_enc_header(&sent, "C", ""));
	answer('c');
	SEND(milter_enc_header(&sent, "D", "  two \n x\\n"));
	answer('c');
	SEND(milter_enc_simple(&sent, 'N'));
	answer('c');
	SEND(milter_enc_raw(&sent, 'B', "event rcpt\n\n#\0\n", 15));
	answer('c');
	SEND(milter_enc_raw(&sent, 'B', "\n", 1));
	answer('c');
	SEND(milter_enc_raw(&sent, 'E', "tail", 4));
	answer('a');
}

static void
session(uint32_t protocol)
{
	SEND(milter_enc_macros(&sent, 'C', pairs, 2));
	SEND(milter_enc_connect(&sent, "h", '6', 25, "IPv6:::1"));
	answer('c');
	/* for an event that was not wanted */
	SEND(milter_enc_macros(&sent, 'H', pairs, 1));
	SEND(milter_enc_unknown(&sent, "XYZ  "));
	answer('c');
	message(protocol);
	SEND(milter_enc_simple(&sent, 'A'));
	message(protocol);
	SEND(milter_enc_raw(&sent, 'M', "<>", 3));
	SEND(milter_enc_simple(&sent, 'A'));
	SEND(milter_enc_simple(&sent, 'K'));
	transcript_next(&t);
	SEND(milter_enc_connect(&sent, "unknown", 'U', 0, NULL));
	answer('c');
	SEND(milter_enc_connect(&sent, "localhost", 'L', 0, "/a b"));
	answer('c');
	SEND(milter_enc_helo(&sent, ""));
	SEND(milter_enc_simple(&sent, 'Q'));
}

static void
test_round_trip(void)
{
	static const uint32_t	 protocols[] = { 0, SMFIP_HDR_LEADSPC, SMFIP_NR_MAIL |
	    SMFIP_NR_HELO | SMFIP_HDR_LEADSPC };
	size_t			 i;

	for (i = 0; i < nitems(protocols); i++) {
		begin();
		negotiate(protocols[i]);
		session(protocols[i]);
		end(protocols[i], "a session comes back as it was sent");
	}
}

/* Tests every byte but NUL in each place, and values as long as a packet allows. */
static void
test_values(void)
{
	char	 all[256];
	char	*large = malloc(MILTER_MAX_DATA);
	int	 i;

	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	memset(large, 1, MILTER_MAX_DATA);
	large[MILTER_MAX_DATA - 1] = '\0';
	begin();
	negotiate(0);
	SEND(milter_enc_connect(&sent, all, '4', 65535, all));
	answer('c');
	SEND(milter_enc_helo(&sent, all));
	answer('c');
	SEND(milter_enc_helo(&sent, large));
	answer('c');
	SEND(milter_enc_envelope(&sent, 'R', all, NULL, 0));
	answer('c');
	SEND(milter_enc_header(&sent, all, all));
	answer('c');
	SEND(milter_enc_unknown(&sent, all));
	end(0, "values of every byte");
	free(large);
}

static void
check_text(const char *want, const char *name)
{
	CHECK_MEM(text.data, text.len, want, strlen(want), name);
	buf_reset(&text);
}

static void
test_written(void)
{
	struct buf	 b;

	begin();
	negotiate(SMFIP_HDR_LEADSPC | SMFIP_NR_MAIL);
	buf_reset(&text);
	SEND(milter_enc_envelope(&sent, 'M', "<A@B.Ex>", args, 1));
	check_text("report mail\nsender <A@B.Ex>\nsender-domain b.ex\n"
	    "sender-argument SIZE=1\n\n", "what needs no reply is a report");
	SEND(milter_enc_simple(&sent, 'E'));
	buf_init(&b, MAX);
	milter_enc_add_header(&b, "X", " y");
	milter_enc_change_header(&b, 2, "Z", "");
	milter_enc_body_replies(&b, "new", 3);
	milter_enc_body_replies(&b, "er", 2);
	milter_enc_replycode(&b, "550-5.7.1 100%%\r\n550 5.7.1 b");
	answer_packets(&b);
	check_text("event end-of-message\n\nadd-header X y\ndelete-header Z 2\n"
	    "replace-body 5\nnewer\nreject 550 5.7.1 100%\\nb\n\n", "an answer");
	SEND(milter_enc_simple(&sent, 'A'));
	check_text("report abort\nno-message\n\n", "nothing to abort");
	SEND(milter_enc_macros(&sent, 'R', pairs, 1));
	transcript_end(&t, "closed", &text);
	transcript_end(&t, "closed", &text);
	check_text("report macros\nstage rcpt\nmacro j mx\n\n"
	    "report disconnect\nreason closed\n\n", "the end, once");
	buf_free(&sent);
	buf_free(&text);
	transcript_free(&t);
}

#define START	"event negotiate\nversion 6\nactions 0x1ff\nprotocol 0x1fffff\n\n" \
		"version 6\nactions 0x0\nprotocol 0x10\n\n"

static void
test_read(void)
{
	static const char	 in[] = "# a remark\n" START "# another\n"
	    "event rcpt\nrecipient <a>\n# in it\n\nprogress\n# in the answer\ncontinue\n\n"
	    "event data\n\n# not answered\nevent end-of-message\n\n"
	    "replace-body 4\n\nx\n\n\nquarantine a b\n\n";
	struct transcript_file	 f;
	const char		*why;
	size_t			 line;

	CHECK(parse(&f, in, sizeof(in) - 1, &line, &why) == -1, "an answer with no verdict");
	CHECK_STR(why, "an answer without a verdict", "why");
	CHECK(line == 31, "its line");
	transcript_file_free(&f);
	CHECK(parse(&f, in, sizeof(in) - 2, &line, &why) == 0, "one that is cut");
	CHECK(f.nitems == 4, "blocks");
	CHECK(f.items[0].answered && f.items[0].agreed == 0x10, "negotiated");
	CHECK(f.items[1].answered && f.items[1].nreply == 2, "an answer");
	CHECK_STR(f.replies[f.items[1].reply + 1].text, "continue", "its verdict");
	CHECK(f.items[2].wants_reply && !f.items[2].answered, "none");
	CHECK(f.items[3].nreply == 2 && !f.items[3].answered, "half of one");
	CHECK_MEM(f.replies[f.items[3].reply].body, f.replies[f.items[3].reply].body_len,
	    "\nx\n\n", 4, "a body");
	transcript_file_free(&f);
}

static void
test_bad(void)
{
	static const struct {
		const char	*in;
		size_t		 line;
	} bads[] = {
		{ "", 0 },
		{ "# nothing\n", 1 },
		{ "event helo\nhelo x\n\n", 1 },
		{ "hello\n", 1 },
		{ START "event", 10 },
		{ START "event helo\nhelo x\n", 11 },
		{ START "event helo\n\ncontinue\n\n", 11 },
		{ START "event helo\nhelo\n\n", 11 },
		{ START "event helo\nsender x\n\n", 11 },
		{ START "event helo\nhelo \\0000\n\n", 11 },
		{ START "event abort\n\n", 10 },
		{ START "report end-of-message\n\n", 10 },
		{ START "event mail\nsender x\nno-space\n\n", 12 },
		{ START "event header\nheader-name X\nheader-value y\nno-space z\n\n", 13 },
		{ START "event body\n\n", 11 },
		{ START "event body\nlength 65536\n\n", 11 },
		{ START "event body\nlength 3\n\nab\n", 12 },
		{ START "event body\nlength 3\n\nabcd\n", 12 },
		{ START "event body\nlength -1\n\n", 11 },
		{ START "event body\nlength 0x\n\n", 11 },
		{ START "event connect\nclient-host x\nclient-family inet\n\n", 13 },
		{ START "event connect\nclient-host x\nclient-family ipx\n\n", 12 },
		{ START "event connect\nclient-port 65536\n\n", 11 },
		{ START "report macros\n\n", 11 },
		{ START "report macros\nstage nine\n\n", 11 },
		{ START "event data\nmacro x\n\n", 11 },
		{ START "event data\nmacro \001 x\n\n", 11 },
		{ START "event data\n\nwhat\n\n", 12 },
		{ START "event data\n\ncontinue\nmore\n\n", 13 },
		{ START "event end-of-message\n\nreplace-body 9\nab\n", 12 },
		{ START "report disconnect\nreason why\n\n", 11 },
		{ START "report disconnect\nreason quit\n\nevent data\n\n", 13 },
		{ START START, 10 },
	};
	static const char	 nul[] = START "event helo\nhelo a\0b\n\n";
	struct transcript_file	 f;
	const char		*why;
	char			 name[40];
	size_t			 i, line;

	for (i = 0; i < nitems(bads); i++) {
		(void)snprintf(name, sizeof(name), "bad transcript %zu", i);
		CHECK(parse(&f, bads[i].in, strlen(bads[i].in), &line, &why) == -1, name);
		CHECK(line == bads[i].line, name);
		transcript_file_free(&f);
	}
	CHECK(parse(&f, nul, sizeof(nul) - 1, &line, &why) == -1, "a NUL");
	transcript_file_free(&f);
}

/* Tests a block that a file can hold but no packet. */
static void
test_too_large(void)
{
	struct transcript_file	 f;
	const char		*why = "";
	size_t			 line;
	int			 i;

	buf_init(&text, MAX);
	buf_add_str(&text, START "event mail\nsender x\n");
	for (i = 0; i < 7000; i++)
		buf_add_str(&text, "sender-argument 0123456789\n");
	buf_add_str(&text, "\ncontinue\n\n");
	CHECK(parse(&f, text.data, text.len, &line, &why) == -1, "a packet too large");
	CHECK_STR(why, "more than a milter packet can carry", "why");
	transcript_file_free(&f);
	buf_free(&text);
}

int
main(void)
{
	test_round_trip();
	test_values();
	test_written();
	test_read();
	test_bad();
	test_too_large();
	return tap_done();
}
