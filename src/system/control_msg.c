/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * system/control_msg.c: encodes and decodes the messages of the control socket.
 */
#include "base/compat.h"

#include <string.h>

#include "base/rd.h"
#include "system/control_msg.h"

static const struct {
	unsigned int	 texts;
	size_t		 values;
} fields[CONTROL_TYPES] = {
	[CONTROL_END] = { 0, 1 },
	[CONTROL_ERROR] = { 1, 0 },
	[CONTROL_TEXT] = { 1, 0 },
	[CONTROL_DAEMON] = { 4, NUMBERS_OF(struct control_daemon) },
	[CONTROL_ENGINE] = { 1, NUMBERS_OF(struct control_engine) },
	[CONTROL_LISTENER] = { 1, NUMBERS_OF(struct control_listener) },
	[CONTROL_HANDLER] = { 1, NUMBERS_OF(struct control_handler) },
	[CONTROL_PROCESS] = { 3, NUMBERS_OF(struct control_process) },
	[CONTROL_WATCHING] = { 0, 0 },
	[CONTROL_LINE] = { 2, NUMBERS_OF(struct control_line) },
	[CONTROL_LOST] = { 0, NUMBERS_OF(struct control_lost) },
	[CONTROL_GONE] = { 1, 0 },
	[CONTROL_RUN_GONE] = { 1, 0 },
};

unsigned int
control_msg_texts(enum control_type type)
{
	return fields[type].texts;
}

void
control_msg_enc(struct buf *out, const struct control_msg *msg)
{
	const uint64_t	*values = (const void *)&msg->u;
	size_t		 i;

	buf_add_u8(out, msg->type);
	for (i = 0; i < fields[msg->type].texts; i++)
		buf_add_cstr(out, msg->text[i] == NULL ? "" : msg->text[i]);
	for (i = 0; i < fields[msg->type].values; i++) {
		buf_add_u32(out, (uint32_t)(values[i] >> 32));
		buf_add_u32(out, (uint32_t)(values[i] & UINT32_MAX));
	}
}

int
control_msg_dec(const void *p, size_t len, struct control_msg *msg)
{
	uint64_t	*values = (void *)&msg->u;
	struct rd	 r;
	unsigned int	 type;
	size_t		 i;

	memset(msg, 0, sizeof(*msg));
	rd_init(&r, p, len);
	type = rd_u8(&r);
	if (r.err || type >= CONTROL_TYPES)
		return -1;
	msg->type = (enum control_type)type;
	for (i = 0; i < fields[type].texts; i++)
		msg->text[i] = rd_cstr(&r, NULL);
	for (i = 0; i < fields[type].values; i++) {
		values[i] = (uint64_t)rd_u32(&r) << 32;
		values[i] |= rd_u32(&r);
	}
	return r.err || r.left > 0 ? -1 : 0;
}
