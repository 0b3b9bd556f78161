/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/decode.c: milter packets to values.
 */
#include "base/compat.h"

#include <string.h>

#include "milter/decode.h"
#include "milter/proto.h"

enum milter_frame
milter_frame(const void *p, size_t len, struct milter_packet *pkt, size_t *used)
{
	struct rd	 r;
	uint32_t	 plen;

	rd_init(&r, p, len);
	plen = rd_u32(&r);
	if (r.err)
		return MILTER_FRAME_MORE;
	if (plen == 0 || plen > MILTER_MAX_DATA + 1)
		return MILTER_FRAME_BAD;
	if (r.left < plen)
		return MILTER_FRAME_MORE;
	pkt->code = rd_u8(&r);
	pkt->len = plen - 1;
	pkt->data = rd_bytes(&r, pkt->len);
	*used = MILTER_HEADER_LEN + (size_t)plen;
	return MILTER_FRAME_OK;
}

static int
bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

/* 1 if what is left ends with a NUL, so that it is whole strings, or is nothing. */
static int
only_strings(const struct rd *r)
{
	return r->left == 0 || r->p[r->left - 1] == '\0';
}

static int
dec_optneg(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.optneg.version = rd_u32(r);
	cmd->u.optneg.actions = rd_u32(r);
	cmd->u.optneg.protocol = rd_u32(r);
	return r->err ? bad(why, "option negotiation too short") : 0;
}

static int
dec_macro(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.macro.stage = rd_u8(r);
	cmd->u.macro.pairs = *r;
	return r->err ? bad(why, "macros without a stage") : 0;
}

static int
dec_connect(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.connect.host = rd_cstr(r, NULL);
	cmd->u.connect.family = rd_u8(r);
	cmd->u.connect.port = 0;
	cmd->u.connect.address = NULL;
	if (r->err)
		return bad(why, "connect too short");
	switch (cmd->u.connect.family) {
	case 'U':
		return 0;
	case '4':
	case '6':
	case 'L':
		cmd->u.connect.port = rd_u16(r);
		cmd->u.connect.address = rd_cstr(r, NULL);
		return r->err ? bad(why, "connect without an address") : 0;
	default:
		return bad(why, "connect with an unknown family");
	}
}

static int
dec_helo(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.helo.arg = rd_cstr(r, NULL);
	return r->err ? bad(why, "helo without its NUL") : 0;
}

static int
dec_envelope(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.envelope.address = rd_cstr(r, NULL);
	cmd->u.envelope.args = *r;
	if (r->err || !only_strings(r))
		return bad(why, "address or parameter without its NUL");
	return 0;
}

static int
dec_header(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.header.name = rd_cstr(r, NULL);
	cmd->u.header.value = rd_cstr(r, NULL);
	if (r->err)
		return bad(why, "header without its NULs");
	if (cmd->u.header.name[0] == '\0')
		return bad(why, "header without a name");
	return 0;
}

static int
dec_body(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	if (cmd->code == SMFIC_BODY && r->left == 0)
		return bad(why, "body without a byte");
	cmd->u.body.len = r->left;
	cmd->u.body.data = rd_bytes(r, r->left);
	return 0;
}

static int
dec_unknown(struct rd *r, struct milter_cmd *cmd, const char **why)
{
	cmd->u.unknown.line = rd_cstr(r, NULL);
	return r->err ? bad(why, "unknown command without its NUL") : 0;
}

int
milter_dec_cmd(const struct milter_packet *pkt, struct milter_cmd *cmd, const char **why)
{
	struct rd	 r;

	memset(cmd, 0, sizeof(*cmd));
	cmd->code = pkt->code;
	rd_init(&r, pkt->data, pkt->len);
	switch (pkt->code) {
	case SMFIC_OPTNEG:
		return dec_optneg(&r, cmd, why);
	case SMFIC_MACRO:
		return dec_macro(&r, cmd, why);
	case SMFIC_CONNECT:
		return dec_connect(&r, cmd, why);
	case SMFIC_HELO:
		return dec_helo(&r, cmd, why);
	case SMFIC_MAIL:
	case SMFIC_RCPT:
		return dec_envelope(&r, cmd, why);
	case SMFIC_HEADER:
		return dec_header(&r, cmd, why);
	case SMFIC_BODY:
	case SMFIC_BODYEOB:
		return dec_body(&r, cmd, why);
	case SMFIC_UNKNOWN:
		return dec_unknown(&r, cmd, why);
	case SMFIC_DATA:
	case SMFIC_EOH:
	case SMFIC_ABORT:
	case SMFIC_QUIT:
	case SMFIC_QUIT_NC:
		return 0;
	default:
		return bad(why, "unknown milter command");
	}
}

int
milter_next_macro(struct rd *pairs, const char **name, const char **value)
{
	*name = rd_cstr(pairs, NULL);
	*value = rd_cstr(pairs, NULL);
	return !pairs->err;
}

const char *
milter_next_arg(struct rd *args)
{
	return rd_cstr(args, NULL);
}

/* Decodes an address, and its arguments if they are there. */
static void
dec_reply_address(struct rd *r, struct milter_reply *rep)
{
	rep->text = rd_cstr(r, NULL);
	if (!r->err && r->left > 0)
		rep->args = rd_cstr(r, NULL);
}

static void
dec_reply_header(struct rd *r, struct milter_reply *rep)
{
	if (rep->code != SMFIR_ADDHEADER)
		rep->index = rd_u32(r);
	rep->name = rd_cstr(r, NULL);
	rep->text = rd_cstr(r, NULL);
}

static void
dec_reply_optneg(struct rd *r, struct milter_reply *rep)
{
	rep->version = rd_u32(r);
	rep->actions = rd_u32(r);
	rep->protocol = rd_u32(r);
	rep->symlists = *r;
	(void)rd_bytes(r, r->left);
}

/* 0 if no MTA knows this reply. */
static int
dec_reply_data(struct rd *r, struct milter_reply *rep)
{
	switch (rep->code) {
	case SMFIC_OPTNEG:
		dec_reply_optneg(r, rep);
		return 1;
	case SMFIR_ADDHEADER:
	case SMFIR_INSHEADER:
	case SMFIR_CHGHEADER:
		dec_reply_header(r, rep);
		return 1;
	case SMFIR_CHGFROM:
	case SMFIR_ADDRCPT_PAR:
		dec_reply_address(r, rep);
		return 1;
	case SMFIR_REPLYCODE:
	case SMFIR_QUARANTINE:
	case SMFIR_ADDRCPT:
	case SMFIR_DELRCPT:
		rep->text = rd_cstr(r, NULL);
		return 1;
	case SMFIR_REPLBODY:
		rep->body_len = r->left;
		rep->body = rd_bytes(r, r->left);
		return 1;
	default:
		return strchr("cadrstp4", rep->code) != NULL && rep->code != '\0';
	}
}

int
milter_dec_reply(const struct milter_packet *pkt, struct milter_reply *rep,
    const char **why)
{
	struct rd	 r;

	memset(rep, 0, sizeof(*rep));
	rep->code = pkt->code;
	rd_init(&r, pkt->data, pkt->len);
	if (!dec_reply_data(&r, rep))
		return bad(why, "unknown reply");
	if (r.err)
		return bad(why, rep->code == SMFIC_OPTNEG ?
		    "option negotiation too short" : "reply too short or without its NUL");
	if (r.left > 0)
		return bad(why, "bytes left over after a reply");
	return 0;
}

int
milter_next_symlist(struct rd *r, uint32_t *stage, const char **names)
{
	if (!r->err && r->left == 0)
		return 0;
	*stage = rd_u32(r);
	*names = rd_cstr(r, NULL);
	return r->err ? -1 : 1;
}
