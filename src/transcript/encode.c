/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * transcript/encode.c: blocks of a transcript as packets.
 */
#include "base/compat.h"

#include "transcript/transcript.h"

static void
encode_header(const struct transcript_item *it, uint32_t protocol, struct buf *out)
{
	struct buf	 value;

	buf_init(&value, MILTER_MAX_DATA + 1);
	if ((protocol & SMFIP_HDR_LEADSPC) != 0 && !it->no_space)
		buf_add_u8(&value, ' ');
	buf_add_cstr(&value, it->value);
	if (buf_ok(&value))
		milter_enc_header(out, it->text, (const char *)value.data);
	else
		out->err = 1;
	buf_free(&value);
}

void
transcript_encode_macros(const struct transcript_file *f, const struct transcript_item *it,
    struct buf *out)
{
	int	 stage = it->command == SMFIC_MACRO ? it->stage : it->command;

	if (it->nmacros > 0 || it->no_macros || it->command == SMFIC_MACRO)
		milter_enc_macros(out, stage, it->nmacros == 0 ? NULL :
		    &f->macros[it->macro], it->nmacros);
}

void
transcript_encode(const struct transcript_file *f, const struct transcript_item *it,
    uint32_t protocol, struct buf *out)
{
	if (it->closed)
		return;
	transcript_encode_macros(f, it, out);
	switch (it->command) {
	case SMFIC_MACRO:
		break;
	case SMFIC_OPTNEG:
		milter_enc_optneg(out, it->version, it->actions, it->protocol, NULL);
		break;
	case SMFIC_CONNECT:
		milter_enc_connect(out, it->text, it->family, it->port, it->value);
		break;
	case SMFIC_HELO:
		milter_enc_helo(out, it->text);
		break;
	case SMFIC_MAIL:
	case SMFIC_RCPT:
		milter_enc_envelope(out, it->command, it->text, it->nargs == 0 ? NULL :
		    &f->args[it->arg], it->nargs);
		break;
	case SMFIC_HEADER:
		encode_header(it, protocol, out);
		break;
	case SMFIC_BODY:
	case SMFIC_BODYEOB:
		milter_enc_raw(out, it->command, it->data, it->len);
		break;
	case SMFIC_UNKNOWN:
		milter_enc_unknown(out, it->text);
		break;
	default:
		milter_enc_simple(out, it->command);
		break;
	}
}
