/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * milter/encode.c: values to milter packets.
 */
#include "base/compat.h"

#include "milter/encode.h"
#include "milter/proto.h"

/*
 * Begins a packet: the length, which packet_end() fills in, and the code.
 * Returns where the packet starts.
 */
static size_t
packet_begin(struct buf *out, int code)
{
	size_t	 start = out->len;

	buf_add_u32(out, 0);
	buf_add_u8(out, (unsigned int)code);
	return start;
}

/*
 * Fills in the length. Removes a packet that is too long or incomplete, so that
 * nobody sends it.
 */
static void
packet_end(struct buf *out, size_t start)
{
	size_t	 len = out->len - start;

	if (!out->err && len > MILTER_HEADER_LEN + 1 + MILTER_MAX_DATA)
		out->err = 1;
	if (out->err)
		out->len = start;
	else
		buf_put_u32(out, start, (uint32_t)(len - MILTER_HEADER_LEN));
}

void
milter_enc_simple(struct buf *out, int code)
{
	const unsigned char	 packet[] = { 0, 0, 0, 1, (unsigned char)code };

	buf_add(out, packet, sizeof(packet));
}

void
milter_enc_raw(struct buf *out, int code, const void *data, size_t len)
{
	size_t	 start = packet_begin(out, code);

	buf_add(out, data, len);
	packet_end(out, start);
}

void
milter_enc_optneg(struct buf *out, uint32_t version, uint32_t actions,
    uint32_t protocol, const char *const *symlists)
{
	size_t		 start = packet_begin(out, SMFIC_OPTNEG);
	uint32_t	 stage;

	buf_add_u32(out, version);
	buf_add_u32(out, actions);
	buf_add_u32(out, protocol);
	for (stage = 0; symlists != NULL && stage < SMFIM_COUNT; stage++) {
		if (symlists[stage] == NULL)
			continue;
		buf_add_u32(out, stage);
		buf_add_cstr(out, symlists[stage]);
	}
	packet_end(out, start);
}

/* Adds a packet of one string, or of two if the second is not NULL. */
static void
enc_strings(struct buf *out, int code, const char *first, const char *second)
{
	size_t	 start = packet_begin(out, code);

	buf_add_cstr(out, first);
	if (second != NULL)
		buf_add_cstr(out, second);
	packet_end(out, start);
}

static void
enc_indexed(struct buf *out, int code, uint32_t index, const char *name,
    const char *value)
{
	size_t	 start = packet_begin(out, code);

	buf_add_u32(out, index);
	buf_add_cstr(out, name);
	buf_add_cstr(out, value);
	packet_end(out, start);
}

void
milter_enc_replycode(struct buf *out, const char *smtp_text)
{
	enc_strings(out, SMFIR_REPLYCODE, smtp_text, NULL);
}

void
milter_enc_add_header(struct buf *out, const char *name, const char *value)
{
	enc_strings(out, SMFIR_ADDHEADER, name, value);
}

void
milter_enc_insert_header(struct buf *out, uint32_t index, const char *name,
    const char *value)
{
	enc_indexed(out, SMFIR_INSHEADER, index, name, value);
}

void
milter_enc_change_header(struct buf *out, uint32_t index, const char *name,
    const char *value)
{
	enc_indexed(out, SMFIR_CHGHEADER, index, name, value);
}

void
milter_enc_add_rcpt(struct buf *out, const char *address, const char *args)
{
	enc_strings(out, args == NULL ? SMFIR_ADDRCPT : SMFIR_ADDRCPT_PAR, address, args);
}

void
milter_enc_del_rcpt(struct buf *out, const char *address)
{
	enc_strings(out, SMFIR_DELRCPT, address, NULL);
}

void
milter_enc_change_from(struct buf *out, const char *address, const char *args)
{
	enc_strings(out, SMFIR_CHGFROM, address, args);
}

void
milter_enc_quarantine(struct buf *out, const char *reason)
{
	enc_strings(out, SMFIR_QUARANTINE, reason, NULL);
}

void
milter_enc_body_replies(struct buf *out, const void *data, size_t len)
{
	const unsigned char	*p = data;
	size_t			 n;

	do {
		n = len < MILTER_MAX_DATA ? len : MILTER_MAX_DATA;
		milter_enc_raw(out, SMFIR_REPLBODY, p, n);
		if (n > 0)
			p += n;
		len -= n;
	} while (len > 0 && buf_ok(out));
}

void
milter_enc_macros(struct buf *out, int stage, const struct milter_pair *pairs, size_t n)
{
	size_t	 start = packet_begin(out, SMFIC_MACRO), i;

	buf_add_u8(out, (unsigned int)stage);
	for (i = 0; i < n; i++) {
		buf_add_cstr(out, pairs[i].name);
		buf_add_cstr(out, pairs[i].value);
	}
	packet_end(out, start);
}

void
milter_enc_connect(struct buf *out, const char *host, int family, unsigned int port,
    const char *address)
{
	size_t	 start = packet_begin(out, SMFIC_CONNECT);

	buf_add_cstr(out, host);
	buf_add_u8(out, (unsigned int)family);
	if (family != 'U') {
		buf_add_u16(out, port);
		buf_add_cstr(out, address);
	}
	packet_end(out, start);
}

void
milter_enc_helo(struct buf *out, const char *arg)
{
	enc_strings(out, SMFIC_HELO, arg, NULL);
}

void
milter_enc_envelope(struct buf *out, int code, const char *address,
    const char *const *args, size_t nargs)
{
	size_t	 start = packet_begin(out, code), i;

	buf_add_cstr(out, address);
	for (i = 0; i < nargs; i++)
		buf_add_cstr(out, args[i]);
	packet_end(out, start);
}

void
milter_enc_header(struct buf *out, const char *name, const char *value)
{
	enc_strings(out, SMFIC_HEADER, name, value);
}

void
milter_enc_unknown(struct buf *out, const char *line)
{
	enc_strings(out, SMFIC_UNKNOWN, line, NULL);
}
